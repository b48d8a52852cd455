#include "pool/lateness.hpp"

#include "support/duration_text.hpp"
#include "support/time_buckets.hpp"

namespace bulkhead::pool {

Failure late_failure(const Call& call, std::chrono::nanoseconds limit, Lateness lateness,
                     std::chrono::nanoseconds waited) {
  const std::string task = "task \"" + call.task->name + "\" ";
  const std::string time = support::duration_text(std::chrono::duration_cast<std::chrono::milliseconds>(waited));
  Failure failure;
  failure.code = ErrorCode::kTaskTimeout;
  failure.late = {.task = call.task->name,
                  .task_id = call.id,
                  .was_running = lateness != Lateness::kQueued,
                  .waited = waited,
                  .limit = {},
                  .was_soft = lateness == Lateness::kSoft,
                  .attempts = {}};
  switch (lateness) {
    case Lateness::kQueued:
      failure.text = task + "waited " + time + " for a worker, and its deadline passed before one began it";
      break;
    case Lateness::kDeadline:
      failure.text = task + "was killed when its deadline passed, after it had run " + time;
      break;
    case Lateness::kTimeout:
      failure.late.limit = limit;
      failure.text = task + "was killed after it had run " + time + ": its timeout is " + support::duration_text(limit);
      break;
    case Lateness::kSoft:
      failure.late.limit = limit;
      failure.text =
          task + "stopped after it had run " + time + ": its soft timeout is " + support::duration_text(limit);
  }
  return failure;
}

std::chrono::nanoseconds ran_for(std::uint16_t run_time) noexcept {
  return run_time == 0 ? std::chrono::nanoseconds(0) : support::TimeBuckets::from(run_time - 1u);
}

}  // namespace bulkhead::pool
