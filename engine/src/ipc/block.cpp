#include "ipc/block.hpp"

#include <algorithm>
#include <bit>
#include <iterator>
#include <new>
#include <string>
#include <utility>

#include "bulkhead/error.hpp"
#include "support/fault_point.hpp"

namespace bulkhead::ipc {

std::uint64_t block_class_bytes(std::uint64_t bytes) noexcept {
  const std::uint64_t least = std::clamp(bytes, kMinBlockBytes, kMaxBlockBytes);
  const std::uint64_t step = std::max(std::bit_floor(least) / 8, std::uint64_t{1});
  return (least + step - 1) / step * step;
}

SharedBlock SharedBlock::create(std::uint64_t bytes, Writer writer, std::uint32_t id) {
  if (bytes > kMaxBlockBytes) {
    detail::raise<UsageError>("cannot make a block of " + std::to_string(bytes) + " bytes: the largest has " +
                              std::to_string(kMaxBlockBytes));
  }
  BULKHEAD_FAULT_POINT("block.create");
  const std::uint64_t whole = block_class_bytes(bytes);
  auto segment = writer == Writer::kHost ? SharedSegment::create("bulkhead-block", whole, Seal::kHostWritesOnly)
                                         : SharedSegment::create_for_peer("bulkhead-block", whole);
  return {std::move(segment), writer, id};
}

BlockCache::Block BlockCache::take(std::uint64_t bytes) {
  const std::uint64_t least = block_class_bytes(bytes);
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const Block& block) {
    return block->size() >= least && block->size() / 2 <= least;
  });
  if (found == idle_.end()) return nullptr;
  Block block = std::move(*found);
  idle_.erase(found);
  idle_bytes_ -= block->size();
  return block;
}

void BlockCache::give_back(Block block) {
  std::list<Block> dropped;  // unmapped without the lock
  const std::lock_guard lock(mutex_);
  idle_bytes_ += block->size();
  idle_.push_front(std::move(block));
  while (idle_bytes_ > budget_bytes_) {
    idle_bytes_ -= idle_.back()->size();
    evicted_.push_back(idle_.back()->id());
    has_evicted_.store(true, std::memory_order_relaxed);
    dropped.splice(dropped.begin(), idle_, std::prev(idle_.end()));
  }
}

std::vector<std::uint32_t> BlockCache::take_evicted() {
  const std::lock_guard lock(mutex_);
  has_evicted_.store(false, std::memory_order_relaxed);
  return std::exchange(evicted_, {});
}

std::uint64_t BlockCache::idle_bytes() const {
  const std::lock_guard lock(mutex_);
  return idle_bytes_;
}

BlockCache::Block BlockCache::lend(std::shared_ptr<BlockCache> cache, Block block) {
  const SharedBlock* const lent = block.get();
  return {lent, [cache = std::move(cache), owned = std::move(block)](const SharedBlock*) mutable noexcept {
            try {
              cache->give_back(std::move(owned));
            } catch (const std::bad_alloc&) {  // then it is not kept
            }
          }};
}

void BlockTable::add(std::uint32_t id, support::UniqueFd fd, std::uint64_t size, bool writable) {
  if (blocks_.contains(id)) {
    detail::raise<UsageError>("cannot add block " + std::to_string(id) + ": there is one already");
  }
  BULKHEAD_FAULT_POINT("block.add");
  auto segment =
      SharedSegment::attach(std::move(fd), size, writable ? Access::kReadWrite : Access::kReadOnly, OnFork::kHide);
  blocks_.emplace(id, Entry{std::move(segment), writable});
}

std::span<const std::byte> BlockTable::find(std::uint32_t id) const noexcept {
  const auto found = blocks_.find(id);
  return found == blocks_.end() ? std::span<const std::byte>{} : found->second.segment.bytes();
}

std::span<std::byte> BlockTable::find_writable(std::uint32_t id) const noexcept {
  const auto found = blocks_.find(id);
  if (found == blocks_.end() || !found->second.writable) return {};
  return found->second.segment.bytes();
}

bool BlockTable::drop(std::uint32_t id) noexcept {
  BULKHEAD_FAULT_POINT("block.drop");
  return blocks_.erase(id) != 0;
}

}  // namespace bulkhead::ipc
