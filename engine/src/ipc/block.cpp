#include "ipc/block.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "bulkhead/error.hpp"
#include "support/fault_point.hpp"

namespace bulkhead::ipc {

std::uint64_t block_class_bytes(std::uint64_t bytes) noexcept {
  return std::bit_ceil(std::clamp(bytes, kMinBlockBytes, kMaxBlockBytes));
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

BlockCache::Taken BlockCache::take(Writer writer, std::uint64_t bytes) {
  const std::uint64_t whole = block_class_bytes(bytes);
  const auto found = std::find_if(idle_.begin(), idle_.end(), [&](const SharedBlock& block) {
    return block.size() == whole && block.writer() == writer && bytes <= whole;
  });
  if (found == idle_.end()) return {SharedBlock::create(bytes, writer, next_id_++), true};
  Taken taken{std::move(*found), false};
  idle_.erase(found);
  idle_bytes_ -= whole;
  return taken;
}

void BlockCache::give_back(SharedBlock block) {
  idle_bytes_ += block.size();
  idle_.push_front(std::move(block));
  while (idle_bytes_ > budget_bytes_) {
    idle_bytes_ -= idle_.back().size();
    evicted_.push_back(idle_.back().id());
    idle_.pop_back();
  }
}

std::vector<std::uint32_t> BlockCache::take_evicted() { return std::exchange(evicted_, {}); }

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
