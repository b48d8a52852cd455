// Tasks that cost worker after worker, and are not run any more (PoolOptions::quarantine_after).
//
// Counted are verdicts, not attempts: a task whose retries succeed does what it should. What counts is that a result came in
// between, which `done` tells: so nothing is done for calls that go well.

#include <new>

#include "pool/scheduler.hpp"
#include "support/in_quotes.hpp"

namespace bulkhead::pool {

namespace {

// Nobody here ended it, and somebody saw how it ended. (One that broke the protocol is killed for that: the task wrote
// where it must not.)
bool is_its_own_doing(const WorkerLink& link, const WorkerLost::Info& lost) noexcept {
  const bool is_known = lost.signal != 0 || lost.exit_code >= 0;
  const bool was_ended = link.is_doomed() || (!lost.detail.empty() && !link.is_condemned());
  return is_known && !was_ended;
}

std::string text_for(const TaskCounters& counters, const std::string& last) {
  const bool is_one = counters.poisonings == 1;
  std::string text = "task " + support::in_quotes(counters.task->name) + " is not run any more: ";
  text += is_one ? "a call lost its worker" : std::to_string(counters.poisonings) + " calls in a row lost their worker";
  text += " by it (mend it, then call revive()); the first one: " + counters.first_poisoning;
  return is_one ? text : text + "; the last one: " + last;
}

}  // namespace

void Scheduler::note_poisoning(const WorkerLink& link, const detail::TaskInfo& task, const WorkerLost::Info& lost,
                               const std::string& how) noexcept try {
  if (limits_.quarantine_after == SchedulerLimits{}.quarantine_after || !is_its_own_doing(link, lost)) return;
  TaskCounters& counters = *counters_[task.index];
  if (counters.done != counters.done_before_poisoning) counters.poisonings = 0;
  counters.done_before_poisoning = counters.done;
  if (++counters.poisonings == 1) counters.first_poisoning = how;
  if (counters.poisonings < limits_.quarantine_after || bar_of(task) != nullptr || host_ == nullptr) return;
  std::string text = text_for(counters, how);
  bars_.push_back({{task.index, task.index + 1}, text, host_->plugin_file(task), PluginError::Reason::kQuarantined});
  has_barred_in_queue_ = true;  // whoever reports a worker's end gives out work next, which fails them
  host_->log_error(std::move(text));
} catch (const std::bad_alloc&) {  // the next one tries again
}

}  // namespace bulkhead::pool
