// What became of every call of bulkhead chaos: its verdicts, and which of them our kills explain.
//
// Ownership: shared by the run and the calls' callbacks, which may come after the run has given up.
// Threads:   any.
#pragma once

#include <bulkhead/error.hpp>

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "interrupt.hpp"

namespace bulkhead::cli {

using Durations = std::vector<std::chrono::nanoseconds>;

// A picture of one moment.
struct ChaosCounts {
  std::uint64_t verdicts = 0;  // calls that have one
  std::uint64_t results = 0;
  std::map<std::string, std::uint64_t> errors;  // by type
  std::uint64_t duplicates = 0;                 // further verdicts of a call
  std::uint64_t lost_to_kills = 0;
  std::uint64_t lost_otherwise = 0;  // the task ended its process, or somebody else did
  std::uint64_t lost_in_excess = 0;  // beyond the one that a killed process may have been at
  Durations next_verdict;            // from a kill to the first verdict after it
};

class ChaosAccount {
 public:
  ChaosAccount(std::uint64_t calls, Interrupt& interrupt) : has_verdict_(calls), interrupt_(interrupt) {}

  // The verdicts of call `index`.
  void add_result(std::uint64_t index);
  void add_error(std::uint64_t index, const Error& error);
  // This worker was killed, just now.
  void add_kill(pid_t worker);

  [[nodiscard]] std::uint64_t verdicts() const noexcept { return verdicts_.load(); }
  [[nodiscard]] std::uint64_t failed() const noexcept { return failed_.load(); }
  [[nodiscard]] ChaosCounts counts() const;
  // The first call's whose arguments were not of its task's types; empty: none.
  [[nodiscard]] std::string argument_error() const;
  // Why the pool ended by itself; empty: it did not.
  [[nodiscard]] std::string pool_failure() const;

 private:
  using Clock = std::chrono::steady_clock;

  // True for a call's first.
  bool note_verdict(std::uint64_t index);
  void note_lost(const WorkerLost& lost);

  mutable std::mutex mutex_;
  std::vector<bool> has_verdict_;
  ChaosCounts counts_;  // what follows from the maps below is filled in by counts()
  std::map<std::int64_t, std::uint64_t> kills_;
  std::map<std::int64_t, std::uint64_t> killed_calls_;  // lost by processes that were killed by whomever
  std::uint64_t crashed_calls_ = 0;
  std::vector<Clock::time_point> kills_before_verdict_;
  std::string argument_error_;
  std::string pool_failure_;
  std::atomic<std::uint64_t> verdicts_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  Interrupt& interrupt_;
};

}  // namespace bulkhead::cli
