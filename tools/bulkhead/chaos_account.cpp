#include "chaos_account.hpp"

#include <signal.h>

#include <algorithm>
#include <string_view>

namespace bulkhead::cli {

bool ChaosAccount::note_verdict(std::uint64_t index) {
  if (has_verdict_[index]) {
    ++counts_.duplicates;
    return false;
  }
  has_verdict_[index] = true;
  ++counts_.verdicts;
  if (!kills_before_verdict_.empty()) {
    const auto now = Clock::now();
    for (const auto killed : kills_before_verdict_) counts_.next_verdict.push_back(now - killed);
    kills_before_verdict_.clear();
  }
  return true;
}

void ChaosAccount::add_result(std::uint64_t index) {
  {
    const std::lock_guard lock(mutex_);
    if (note_verdict(index)) ++counts_.results;
    verdicts_.store(counts_.verdicts);
  }
  interrupt_.notify();
}

void ChaosAccount::add_error(std::uint64_t index, const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    if (note_verdict(index)) {
      ++counts_.errors[std::string(name_of(error.code()))];
      failed_.fetch_add(1);
      const std::string_view text = error.what();
      if (error.code() == ErrorCode::kWorkerLost) {
        note_lost(dynamic_cast<const WorkerLost&>(error));
      } else if (error.code() == ErrorCode::kPoolBroken && pool_failure_.empty()) {
        pool_failure_ = text;
      } else if (argument_error_.empty() && error.code() == ErrorCode::kPayload &&
                 text.find("could not decode its arguments") != std::string_view::npos) {
        argument_error_ = text;
      }
    }
    verdicts_.store(counts_.verdicts);
  }
  interrupt_.notify();
}

void ChaosAccount::note_lost(const WorkerLost& lost) {
  // Unknown is how a worker ended whose warden died at the same time.
  const bool is_unknown = lost.signal() == 0 && lost.exit_code() < 0;
  if (lost.signal() == SIGKILL || is_unknown) {
    ++killed_calls_[lost.worker_pid()];
  } else {
    ++crashed_calls_;
  }
}

void ChaosAccount::add_kill(pid_t worker) {
  const std::lock_guard lock(mutex_);
  ++kills_[worker];
  kills_before_verdict_.push_back(Clock::now());
}

ChaosCounts ChaosAccount::counts() const {
  const std::lock_guard lock(mutex_);
  ChaosCounts counts = counts_;
  counts.lost_otherwise = crashed_calls_;
  for (const auto& [pid, lost] : killed_calls_) {
    const auto kill = kills_.find(pid);
    if (kill == kills_.end()) {
      counts.lost_otherwise += lost;  // the kernel, for want of memory; the task itself; a limit
      continue;
    }
    counts.lost_to_kills += std::min(lost, kill->second);
    counts.lost_in_excess += lost - std::min(lost, kill->second);
  }
  return counts;
}

std::string ChaosAccount::argument_error() const {
  const std::lock_guard lock(mutex_);
  return argument_error_;
}

std::string ChaosAccount::pool_failure() const {
  const std::lock_guard lock(mutex_);
  return pool_failure_;
}

}  // namespace bulkhead::cli
