// Both files of one channel, mapped, with their areas and ring data found and checked.
//
// Ownership: owns both segments. Threads: immutable; see the layout for who may write what.
#pragma once

#include <cstddef>
#include <span>

#include "ipc/channel_layout.hpp"
#include "ipc/shared_segment.hpp"

namespace bulkhead::ipc {

class ChannelMemory {
 public:
  // Host. Throws UsageError for sizes that are no powers of two from 4 KiB to 1 GiB, ResourceError.
  [[nodiscard]] static ChannelMemory create(ChannelSizes sizes);
  // Worker. Throws UsageError when the memory is not a channel of these sizes and of this version,
  // ResourceError.
  [[nodiscard]] static ChannelMemory attach(support::UniqueFd host_memory, support::UniqueFd worker_memory,
                                            ChannelSizes sizes);

  // In the worker only to be read: writing there is a SIGSEGV.
  [[nodiscard]] HostArea& host() const noexcept { return *host_; }
  [[nodiscard]] WorkerArea& worker() const noexcept { return *worker_; }
  [[nodiscard]] std::span<std::byte> request_data() const noexcept {
    return host_segment_.bytes().subspan(kHostAreaBytes);
  }
  [[nodiscard]] std::span<std::byte> response_data() const noexcept {
    return worker_segment_.bytes().subspan(kWorkerAreaBytes);
  }
  [[nodiscard]] std::span<std::byte> last_words() const noexcept {
    return worker_segment_.bytes().subspan(kLastWordsOffset, kLastWordsBytes);
  }
  [[nodiscard]] std::span<std::byte> output() const noexcept {
    return worker_segment_.bytes().subspan(kOutputOffset, kOutputBytes);
  }
  [[nodiscard]] int host_fd() const noexcept { return host_segment_.fd(); }
  [[nodiscard]] int worker_fd() const noexcept { return worker_segment_.fd(); }

 private:
  ChannelMemory(SharedSegment host_segment, SharedSegment worker_segment) noexcept;

  SharedSegment host_segment_;
  SharedSegment worker_segment_;
  HostArea* host_;
  WorkerArea* worker_;
};

// What a worker's process writes whatever its threads are at.
struct LastingMemory {
  const WorkerArea& area;
  std::span<std::byte> last_words;
  std::span<std::byte> output;
};
// Maps it by itself, for good: static destructors and threads may crash and write when the channel is gone. Hidden from
// forked children. Throws ResourceError.
[[nodiscard]] LastingMemory map_lasting_memory(int worker_memory_fd);

// Maps a pool's page in a worker; as ChannelMemory::attach().
[[nodiscard]] SharedSegment attach_pool_page(support::UniqueFd page);
[[nodiscard]] const PoolPage& pool_page(const SharedSegment& segment) noexcept;

}  // namespace bulkhead::ipc
