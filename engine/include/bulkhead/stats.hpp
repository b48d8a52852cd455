// What a pool has done, and is doing: plain data, a picture of one moment.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bulkhead {

// Durations in classes, each at most an eighth wider than the one before. Counts a sample of the calls (all slow ones):
// only proportions mean something.
struct Histogram {
  // One class of durations.
  struct Bucket {
    std::chrono::nanoseconds from{};  // inclusive; up to the next bucket's
    std::uint64_t count = 0;          // of the samples in it
  };
  std::vector<Bucket> buckets;  // those with a count, ascending
  std::uint64_t samples = 0;    // in all buckets

  // The duration that `share` (0 to 1) of the samples do not exceed; zero without samples.
  [[nodiscard]] std::chrono::nanoseconds quantile(double share) const noexcept;
};

// What became of items; chunks do not count.
struct Counts {
  std::uint64_t submitted = 0;       // to the pool, or of a worker: given to it
  std::uint64_t running = 0;         // begun in a worker, and without a verdict
  std::uint64_t done = 0;            // with a result
  std::uint64_t failed = 0;          // TaskError, PayloadError
  std::uint64_t lost = 0;            // WorkerLost
  std::uint64_t timed_out = 0;       // TaskTimeout
  std::uint64_t cancelled = 0;       // TaskCancelled
  std::uint64_t dropped = 0;         // PoolClosed, PoolBroken
  std::uint64_t retried = 0;         // attempts that were followed by another
  std::uint64_t argument_bytes = 0;  // as they were sent
  std::uint64_t result_bytes = 0;    // as they came
  Histogram queue_time;              // from submission to the beginning of the last attempt
  Histogram run_time;                // of the last attempt
};

// submitted == queued + running + done + failed + lost + timed_out + cancelled + dropped.
struct TaskStats : Counts {
  std::string task;          // the full name
  std::uint64_t queued = 0;  // in the host, or in a worker's ring and not begun
  bool is_refused = false;   // until Pool::revive(): it is quarantined, or its plugin's circuit is open
};

// Of a worker's place in the pool: all processes it has had together. What it was given and had taken back again does
// not count.
struct WorkerStats : Counts {
  int slot = 0;                       // from 0; the pool has as many as workers
  std::int64_t pid = 0;               // 0: none just now
  bool is_ready = false;              // it has loaded its plugins and takes tasks
  std::string running_task;           // empty: none
  std::uint64_t processes = 0;        // that this slot has had
  std::uint64_t anonymous_bytes = 0;  // as last sampled; 0 without max_rss
};

// What Pool::stats() gives.
struct PoolStats {
  std::vector<TaskStats> tasks;      // those that were called, in the order of Engine::tasks()
  std::vector<WorkerStats> workers;  // by slot
  std::uint64_t pending_tasks = 0;   // in the host, waiting for a worker
  std::uint64_t pending_bytes = 0;   // of their arguments
};

// What Pool::drain() did to one task.
struct DrainedTask {
  // What became of it.
  enum class Outcome : std::uint8_t {
    kFinished,  // it has its own verdict
    kStopped,   // it was told to stop and did
    kKilled,
    kNeverRan,
  };
  std::string task;                      // the full name
  std::uint64_t task_id = 0;             // the engine's number of the call
  std::uint64_t items = 1;               // more: of a chunk of a map
  Outcome outcome = Outcome::kFinished;  // of the chunk, where it is one
};

// What Pool::drain() gives.
struct DrainReport {
  std::vector<DrainedTask> tasks;  // that had no verdict when drain() was called
  // How many of `tasks` had this outcome.
  [[nodiscard]] std::size_t count(DrainedTask::Outcome outcome) const noexcept;
};

}  // namespace bulkhead
