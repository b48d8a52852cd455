// The load of bulkhead chaos: calls of tasks, so many at a time, until each has its verdict or none comes any more.
//
// Ownership: borrows everything but the account, which the calls' callbacks share.
// Threads:   one.
#pragma once

#include <bulkhead/pool.hpp>

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "call_limits.hpp"
#include "chaos_account.hpp"
#include "chaos_killer.hpp"
#include "interrupt.hpp"
#include "progress.hpp"

namespace bulkhead::cli {

// Which call to make; one of them is chosen by chance each time.
struct ChaosCall {
  std::string task;
  std::string arguments;  // a JSON array
};

struct ChaosRunOptions {
  std::vector<ChaosCall> calls;
  std::uint64_t count = 0;
  CallLimits limits;
  ChaosKillerOptions killer;
  bool must_decode = false;  // arguments that are not of the task's types are the caller's mistake
};

struct ChaosOutcome {
  std::uint64_t submitted = 0;
  ChaosCounts counts;
  ChaosAttacks attacks;
  std::uint64_t hangs = 0;          // calls without a verdict
  std::uint64_t hangs_in_task = 0;  // of these, calls that a worker was running
  bool has_ended = true;            // the pool's join() came back
  std::string pool_failure;         // why it ended by itself; empty: it did not
  int signal = 0;                   // that ended the run early
  double seconds = 0;
};

class ChaosRun {
 public:
  ChaosRun(Pool& pool, Interrupt& interrupt, Progress& progress, ChaosRunOptions options);

  // The pool is closed, or terminated, and joined then, unless it did not end. Throws UsageFailure for arguments that
  // do not fit, PoolBroken when the pool gives up without having been attacked.
  [[nodiscard]] ChaosOutcome run();

 private:
  void submit_all(const ChaosKiller& killer);
  void submit_one();
  [[nodiscard]] bool must_wait_for_attack(const ChaosKiller& killer) const;
  // False when none came for a long time.
  [[nodiscard]] bool wait_for_verdicts();
  [[nodiscard]] bool is_useless() const;
  void show_progress();
  void end_pool(bool is_complete);
  [[nodiscard]] bool join_pool();

  Pool& pool_;
  Interrupt& interrupt_;
  Progress& progress_;
  ChaosRunOptions options_;
  std::shared_ptr<ChaosAccount> account_;
  std::mt19937 random_;
  std::uint64_t window_;
  std::chrono::steady_clock::time_point held_since_{};  // the rest of the load waits for the first attack
  bool is_held_ = false;
  ChaosOutcome outcome_;
};

}  // namespace bulkhead::cli
