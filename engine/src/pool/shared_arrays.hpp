// The shared arrays that a pool's workers were sent, and what becomes of them.
//
// A worker keeps what it was sent until it is told that no handle of the host and no task needs it any more. Who lets go
// last may be any thread, and may hold the scheduler's lock: here it only leaves word, and the pump thread tells the
// workers. Giving memory back takes long (a tenth of a second for a gigabyte), so where a task held it last, the pump
// thread does that, too.
//
// Ownership: counted; the scheduler holds it, arrays refer to it weakly.
// Threads:   any.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include <bulkhead/sdk/shared_memory.hpp>

#include "support/fork_epoch.hpp"

namespace bulkhead::pool {

class SchedulerHost;

class SharedArrays final : public sdk::SharedMemoryWatcher, public std::enable_shared_from_this<SharedArrays> {
 public:
  // `host` is asked for arrays_gone() until close().
  explicit SharedArrays(SchedulerHost& host) : host_(&host) {}
  void close();

  // Each once, and writable if one of them is.
  [[nodiscard]] static std::unique_ptr<sdk::SharedRefs> distinct(const sdk::SharedRefs& refs);

  // Its end will be told. Throws std::bad_alloc.
  void watch(sdk::SharedMemory& memory);
  // A call lets go of these, without waiting for what that takes.
  void let_go(std::unique_ptr<sdk::SharedRefs> refs) noexcept;
  // Ids of those that ended since the last call. Not under the scheduler's lock.
  [[nodiscard]] std::vector<std::uint64_t> take_gone();

 private:
  void memory_gone(std::uint64_t id) noexcept override;

  const std::uint32_t fork_epoch_ = support::fork_epoch();
  std::mutex mutex_;
  // Guarded by mutex_.
  SchedulerHost* host_;
  std::unordered_set<std::uint64_t> watched_;
  std::vector<std::uint64_t> gone_;
  std::vector<std::unique_ptr<sdk::SharedRefs>> let_go_;
};

}  // namespace bulkhead::pool
