// Another attempt, after a pause, for a task that may have one.

#include <algorithm>
#include <limits>
#include <utility>

#include "pool/scheduler.hpp"
#include "protocol/envelope.hpp"

namespace bulkhead::pool {

namespace {

constexpr std::chrono::nanoseconds kFirstPause = std::chrono::milliseconds(10);
constexpr std::uint32_t kMostDoublings = 9;  // 5 s

Cause cause_of(const Failure& failure) {
  if (failure.code != ErrorCode::kTask) return {.type = std::string(name_of(failure.code)), .text = failure.text};
  // Bytes from a worker: they may be anything.
  auto envelope = protocol::decode_envelope(failure.envelope);
  if (!envelope) return {.type = "TaskError", .text = "its worker sent no readable reason"};
  return {.type = std::move(envelope->type), .text = std::move(envelope->text)};
}

// Whether another attempt may go better. A deadline that passed has passed; what has no form has none.
bool is_worth_retrying(const Failure& failure) noexcept {
  switch (failure.code) {
    case ErrorCode::kTask:
    case ErrorCode::kWorkerLost:
      return true;
    case ErrorCode::kTaskTimeout:
      return failure.late.limit != std::chrono::nanoseconds::zero();
    default:
      return false;
  }
}

}  // namespace

bool Scheduler::try_again(Call& call, Failure& failure, Clock::time_point now) {
  if (!call.extras || call.extras->terms.retries == 0) return false;
  CallExtras& extras = *call.extras;
  if (has_given_up_ || extras.is_told_to_stop || call.attempt > extras.terms.retries || !is_worth_retrying(failure)) {
    failure.attempts = std::move(extras.attempts);
    return false;
  }
  extras.attempts.push_back(cause_of(failure));
  extras.seen_running.reset();
  extras.is_past_soft_limit = false;
  const auto pause = kFirstPause * (1u << std::min<std::uint32_t>(call.attempt - 1u, kMostDoublings));
  if (call.attempt < std::numeric_limits<std::uint16_t>::max()) ++call.attempt;
  ++counters_[call.task->index]->retried;
  call.state = Call::State::kDelayed;
  queued_items_ += 1;
  queued_bytes_ += call.held_bytes();
  timers_.set(call, std::min(extras.terms.deadline, now + pause));
  arm_timer();
  return true;
}

}  // namespace bulkhead::pool
