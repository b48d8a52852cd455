// Tasks of plugins whose circuit is open, and tasks in quarantine: refused at once, and those that wait get the reason.

#include <algorithm>

#include "pool/scheduler.hpp"

namespace bulkhead::pool {

const Scheduler::Bar* Scheduler::bar_of(const detail::TaskInfo& task) const noexcept {
  for (const Bar& bar : bars_) {
    if (task.index >= bar.tasks.begin && task.index < bar.tasks.end) return &bar;
  }
  return nullptr;
}

void Scheduler::refuse_if_barred(const detail::TaskInfo& task) const {
  if (const Bar* bar = bar_of(task)) {
    detail::raise<PluginError>(bar->text, PluginError::Info{bar->path, bar->reason});
  }
}

void Scheduler::bar(TaskRange tasks, const std::string& text, const std::string& path) {
  const Lock lock(mutex_);
  bars_.push_back({tasks, text, path, PluginError::Reason::kCircuitOpen});
  fail_barred();
  dispatch(Clock::now());
}

void Scheduler::unbar() {
  const Lock lock(mutex_);
  bars_.clear();
  for (const auto& counters : counters_) {
    if (counters) counters->poisonings = 0;
  }
}

bool Scheduler::reopen() {
  const Lock lock(mutex_);
  if (!has_given_up_ || closed_code_ != ErrorCode::kPoolBroken) return false;
  is_closed_ = has_given_up_ = has_told_workers_to_leave_ = false;
  admits_parts_ = true;
  closed_text_.clear();
  return true;
}

void Scheduler::fail_barred() {
  has_barred_in_queue_ = false;
  for (Call* call : open_calls()) {
    const Bar* bar = bar_of(*call->task);
    if (bar == nullptr) continue;
    const bool is_offered = call->state == Call::State::kOffered;
    // A worker that has the plugin may do it; but not what would cost it its life.
    if (is_offered && bar->reason != PluginError::Reason::kQuarantined) continue;
    Failure failure;
    failure.code = ErrorCode::kPlugin;
    failure.text = bar->text;
    failure.path = bar->path;
    failure.reason = bar->reason;
    if (!is_offered) {
      unqueue(*call);
    } else if (!take_from_ring(*call)) {
      continue;
    }
    fail_rest(*call, failure);
  }
}

}  // namespace bulkhead::pool
