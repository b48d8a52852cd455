#include "pool/task_counters.hpp"

#include <algorithm>
#include <span>

namespace bulkhead {

std::chrono::nanoseconds Histogram::quantile(double share) const noexcept {
  const auto wanted = static_cast<std::uint64_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(samples));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    seen += buckets[i].count;
    if (seen >= std::max<std::uint64_t>(wanted, 1)) {
      // The class's upper end: no sample in it is longer.
      return support::TimeBuckets::from(support::TimeBuckets::index(buckets[i].from) + 1);
    }
  }
  return {};
}

std::size_t DrainReport::count(DrainedTask::Outcome outcome) const noexcept {
  return static_cast<std::size_t>(std::count_if(
      tasks.begin(), tasks.end(), [outcome](const DrainedTask& task) { return task.outcome == outcome; }));
}

namespace pool {

namespace {

Histogram histogram_of(std::span<const std::uint32_t> counts) {
  Histogram histogram;
  for (std::uint32_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    histogram.buckets.push_back({.from = support::TimeBuckets::from(i), .count = counts[i]});
    histogram.samples += counts[i];
  }
  return histogram;
}

}  // namespace

void Tally::count_failures(ErrorCode code, std::uint64_t items) noexcept {
  switch (code) {
    case ErrorCode::kWorkerLost:
      lost += items;
      return;
    case ErrorCode::kTaskTimeout:
      timed_out += items;
      return;
    case ErrorCode::kTaskCancelled:
      cancelled += items;
      return;
    case ErrorCode::kPoolClosed:
    case ErrorCode::kPoolBroken:
    case ErrorCode::kPlugin:
      dropped += items;
      return;
    default:
      failed += items;
  }
}

void Tally::count_times(std::uint16_t run, std::uint16_t queue, std::uint32_t items) {
  if (run == 0 || queue == 0) return;
  if (!times) times = std::make_unique<Times>();
  times->run[run - 1u] += items;
  times->queue[queue - 1u] += items;
}

Counts Tally::counts(std::uint64_t running) const {
  Counts counts;
  counts.submitted = submitted;
  counts.running = running;
  counts.done = done;
  counts.failed = failed;
  counts.lost = lost;
  counts.timed_out = timed_out;
  counts.cancelled = cancelled;
  counts.dropped = dropped;
  counts.retried = retried;
  counts.argument_bytes = argument_bytes;
  counts.result_bytes = result_bytes;
  if (times) {
    counts.queue_time = histogram_of(times->queue);
    counts.run_time = histogram_of(times->run);
  }
  return counts;
}

// Follows a slower kind of call at once, a faster one within a few.
void TaskCounters::count_times(std::uint16_t run, std::uint16_t queue, std::uint32_t items) {
  Tally::count_times(run, queue, items);
  if (run == 0) return;
  const auto sample = support::TimeBuckets::from(run);  // the class's upper end: never 0
  recent_run = sample > recent_run ? sample : (recent_run * 3 + sample) / 4;
}

TaskStats TaskCounters::stats(std::uint64_t running) const {
  TaskStats stats{counts(running), task->name, submitted - finished() - running};
  return stats;
}

}  // namespace pool
}  // namespace bulkhead
