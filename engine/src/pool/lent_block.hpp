// A block for arguments that no ring takes, from when they are encoded until a call has it.
//
// Ownership: gives the block back to its cache, unless keep() was called. Keeps the cache.
// Threads:   one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "bulkhead/detail/backend.hpp"
#include "ipc/block.hpp"
#include "support/fork_epoch.hpp"

namespace bulkhead::pool {

class LentBlock final : public detail::LentMemory {
 public:
  LentBlock(std::shared_ptr<ipc::BlockCache> cache, ipc::BlockCache::Block block) noexcept
      : cache_(std::move(cache)), block_(std::move(block)) {}
  LentBlock(const LentBlock&) = delete;
  LentBlock& operator=(const LentBlock&) = delete;
  ~LentBlock() override {
    if (!block_ || support::fork_epoch() != fork_epoch_) return;  // in a forked child the cache may be locked for ever
    try {
      cache_->give_back(std::move(block_));
    } catch (const std::bad_alloc&) {  // then it is not kept
    }
  }

  // Empty after keep().
  [[nodiscard]] std::span<std::byte> bytes() const noexcept override {
    return block_ ? block_->bytes() : std::span<std::byte>{};
  }
  [[nodiscard]] const ipc::BlockCache::Block& block() const noexcept { return block_; }
  // Somebody else decides what becomes of the block.
  void keep() noexcept { block_.reset(); }

 private:
  std::shared_ptr<ipc::BlockCache> cache_;
  ipc::BlockCache::Block block_;
  const std::uint32_t fork_epoch_ = support::fork_epoch();
};

}  // namespace bulkhead::pool
