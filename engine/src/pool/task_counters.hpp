// What has become of the calls of each task and of each worker, in items.
//
// Threads: one at a time (the scheduler's lock).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bulkhead/detail/backend.hpp"
#include "bulkhead/stats.hpp"
#include "pool/pending_queue.hpp"
#include "support/time_buckets.hpp"

namespace bulkhead::pool {

// Of a task, or of a worker.
struct Tally {
  std::uint64_t submitted = 0;
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::uint64_t lost = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t dropped = 0;
  std::uint64_t retried = 0;
  std::uint64_t argument_bytes = 0;
  std::uint64_t result_bytes = 0;

  struct Times {
    std::array<std::uint32_t, support::TimeBuckets::kCount> queue{};
    std::array<std::uint32_t, support::TimeBuckets::kCount> run{};
  };
  std::unique_ptr<Times> times;  // once there is one

  void count_results(std::uint64_t items, std::uint64_t bytes) noexcept {
    done += items;
    result_bytes += bytes;
  }
  void count_failures(ErrorCode code, std::uint64_t items) noexcept;
  // Classes as protocol::ReplyHeader carries them: 0 is none.
  void count_times(std::uint16_t run, std::uint16_t queue, std::uint32_t items);
  [[nodiscard]] std::uint64_t finished() const noexcept {
    return done + failed + lost + timed_out + cancelled + dropped;
  }
  [[nodiscard]] Counts counts(std::uint64_t running) const;
};

struct TaskCounters : Tally {
  const detail::TaskInfo* task = nullptr;
  // How long an item of it has run lately, as workers measure it: without what the call waits for. 0: not known.
  std::chrono::nanoseconds recent_run{0};
  // Of a task with max_running.
  std::uint32_t offered = 0;  // records
  PendingQueue held;
  // Calls that lost their worker one after the other, with no result in between; `done` when the last one did.
  std::uint64_t poisonings = 0;
  std::uint64_t done_before_poisoning = 0;
  std::string first_poisoning;

  // As Tally's, and for recent_run.
  void count_times(std::uint16_t run, std::uint16_t queue, std::uint32_t items);
  [[nodiscard]] TaskStats stats(std::uint64_t running) const;
};

}  // namespace bulkhead::pool
