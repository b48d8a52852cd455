// --joblog and --resume of one map: opens the log and the output together, so that they agree.
//
// Ownership: owns both files.
#pragma once

#include <optional>
#include <string>

#include "job_history.hpp"
#include "job_log.hpp"
#include "output.hpp"

namespace bulkhead::cli {

struct JobRecordOptions {
  std::string log;     // empty: none is kept
  std::string output;  // empty: stdout
  bool resumes = false;
  bool is_ordered = true;
  std::string identity;  // JSON: what must be the same for the log to be of this command
};

class JobRecord {
 public:
  // Throws UsageFailure when log and output cannot be used, or are not of this command or of each other; IoFailure.
  explicit JobRecord(const JobRecordOptions& options);

  [[nodiscard]] Output& output() noexcept { return *output_; }
  [[nodiscard]] JobLog* log() noexcept { return log_ ? &*log_ : nullptr; }
  // Of the runs before this one; null unless it resumes.
  [[nodiscard]] JobHistory* history() noexcept { return history_ ? &*history_ : nullptr; }

  // All items are done and all lines are written: closes the output, in order.
  void finish();

 private:
  void resume(const JobRecordOptions& options);

  std::string output_file_;
  std::optional<JobLog> log_;
  std::optional<JobHistory> history_;
  std::optional<Output> output_;
};

}  // namespace bulkhead::cli
