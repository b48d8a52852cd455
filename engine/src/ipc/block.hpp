// Large payloads: whole blocks of shared memory, mapped once by each side and kept warm.
//
// Ownership: a SharedBlock owns its memory and the creator's view. A BlockCache owns the blocks
//            nobody uses; those it gave out belong to the taker. A BlockTable owns the worker's
//            views.
// Threads:   one at a time, each.
//
// Nobody else can map a host-written block writable; worker-written ones the host maps read-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <unordered_map>
#include <vector>

#include "ipc/shared_segment.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::ipc {

enum class Writer : std::uint8_t { kHost, kWorker };

inline constexpr std::uint64_t kMinBlockBytes = std::uint64_t{256} << 10;
inline constexpr std::uint64_t kMaxBlockBytes = std::uint64_t{4} << 30;
// The size class that holds `bytes`: a power of two.
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

// Host: the idle blocks of one worker. Forget the whole cache, and every block taken from it, when
// the worker died uncleanly: it may still be written to by what the worker left behind.
class BlockCache {
 public:
  explicit BlockCache(std::uint64_t idle_budget_bytes) noexcept : budget_bytes_(idle_budget_bytes) {}

  struct Taken {
    SharedBlock block;
    bool is_new;  // the worker does not have it yet: send id, size, writer and descriptor
  };
  // A block of at least `bytes`, an idle one of that size class if there is one. Throws as
  // SharedBlock::create().
  [[nodiscard]] Taken take(Writer writer, std::uint64_t bytes);
  // Keeps it for later. Those idle longest go beyond the budget: their ids are in take_evicted().
  void give_back(SharedBlock block);
  // Ids that were evicted since the last call; tell the worker to drop them.
  [[nodiscard]] std::vector<std::uint32_t> take_evicted();
  [[nodiscard]] std::uint64_t idle_bytes() const noexcept { return idle_bytes_; }

 private:
  std::uint64_t budget_bytes_;
  std::uint64_t idle_bytes_ = 0;
  std::uint32_t next_id_ = 1;
  std::list<SharedBlock> idle_;  // most recently used first
  std::vector<std::uint32_t> evicted_;
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
