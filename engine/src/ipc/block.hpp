// Large payloads: whole blocks of shared memory, mapped once by each side and kept warm.
//
// Ownership: a SharedBlock owns its memory and the creator's view. A BlockCache owns the blocks
//            nobody uses; those it gave out belong to the taker. A BlockTable owns the worker's
//            views.
// Threads:   one at a time, each, unless said otherwise.
//
// Nobody else can map a host-written block writable; worker-written ones the host maps read-only.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "ipc/shared_segment.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::ipc {

enum class Writer : std::uint8_t { kHost, kWorker };

inline constexpr std::uint64_t kMinBlockBytes = std::uint64_t{256} << 10;
inline constexpr std::uint64_t kMaxBlockBytes = std::uint64_t{4} << 30;
// The size class that holds `bytes`: a power of two, or one of seven steps up to the next. (Payloads like to be a power of
// two and a few bytes: the next one would be twice the memory to clear and to map.)
[[nodiscard]] std::uint64_t block_class_bytes(std::uint64_t bytes) noexcept;

class SharedBlock {
 public:
  // Host. `id` is the caller's; 0 is never used. Throws UsageError beyond kMaxBlockBytes,
  // ResourceError "memory".
  [[nodiscard]] static SharedBlock create(std::uint64_t bytes, Writer writer, std::uint32_t id);

  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }
  [[nodiscard]] Writer writer() const noexcept { return writer_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return segment_.bytes().size(); }
  [[nodiscard]] int fd() const noexcept { return segment_.fd(); }
  // Of a kWorker block: only to be read (and the worker can change what it reads), writing is a
  // SIGSEGV.
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return segment_.bytes(); }

 private:
  SharedBlock(SharedSegment segment, Writer writer, std::uint32_t id) noexcept
      : segment_(std::move(segment)), writer_(writer), id_(id) {}

  SharedSegment segment_;
  Writer writer_;
  std::uint32_t id_;
};

// Host: blocks that nobody uses, warm: mapped and touched by the host and by whoever had them. A large payload in a fresh
// block costs several times its copying, in pages that the kernel finds, clears and maps.
//
// Threads: any.
class BlockCache {
 public:
  using Block = std::shared_ptr<const SharedBlock>;

  explicit BlockCache(std::uint64_t idle_budget_bytes) noexcept : budget_bytes_(idle_budget_bytes) {}

  // One of at least `bytes`, and not much more; nullptr: there is none.
  [[nodiscard]] Block take(std::uint64_t bytes);
  // Keeps it for later. Those idle longest go beyond the budget: their ids are in take_evicted(). Requires: nobody reads or
  // writes it any more.
  void give_back(Block block);
  // Ids that were evicted since the last call; tell the workers that know them.
  [[nodiscard]] std::vector<std::uint32_t> take_evicted();
  // Whether it would give any. Costs a load.
  [[nodiscard]] bool has_evicted() const noexcept { return has_evicted_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t idle_bytes() const;

  // The block, which comes back to the cache when nobody holds it any more.
  [[nodiscard]] static Block lend(std::shared_ptr<BlockCache> cache, Block block);

 private:
  const std::uint64_t budget_bytes_;
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::uint64_t idle_bytes_ = 0;
  std::list<Block> idle_;  // most recently used first
  std::vector<std::uint32_t> evicted_;
  std::atomic<bool> has_evicted_{false};  // relaxed: a hint, mutex_ orders the ids
};

// Worker: the blocks it was sent.
class BlockTable {
 public:
  // Maps it, hidden from forked children. Throws UsageError for an id in use or a file that is not
  // such a block, ResourceError.
  void add(std::uint32_t id, support::UniqueFd fd, std::uint64_t size, bool writable);
  // Empty: no such block.
  [[nodiscard]] std::span<const std::byte> find(std::uint32_t id) const noexcept;
  // Empty: no such block, or not writable.
  [[nodiscard]] std::span<std::byte> find_writable(std::uint32_t id) const noexcept;
  // False: no such block.
  bool drop(std::uint32_t id) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return blocks_.size(); }

 private:
  struct Entry {
    SharedSegment segment;
    bool writable;
  };
  std::unordered_map<std::uint32_t, Entry> blocks_;
};

}  // namespace bulkhead::ipc
