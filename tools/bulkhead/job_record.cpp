#include "job_record.hpp"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "failures.hpp"
#include "job_assembly.hpp"

namespace bulkhead::cli {

namespace {

namespace fs = std::filesystem;

constexpr const char* kBeginAnew = " (leave --resume out to begin anew)";

// The file itself, where its name is a link: it is the file that is replaced.
std::string real_file(const std::string& file) {
  std::error_code error;
  const auto real = fs::weakly_canonical(fs::absolute(file, error), error);
  return error ? file : real.string();
}

std::uint64_t size_of(const std::string& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  return error ? 0 : size;
}

void check_output(const std::string& file, const std::string& log, std::uint64_t logged) {
  std::error_code error;
  if (fs::exists(file, error) && !fs::is_regular_file(file, error)) {
    throw UsageFailure("--resume needs a regular file, and \"" + file + "\" is none");
  }
  const auto size = size_of(file);
  if (size < logged) {
    throw UsageFailure("\"" + file + "\" has " + std::to_string(size) + " bytes where the job log \"" + log +
                       "\" tells of " + std::to_string(logged) + ": it was changed since" + kBeginAnew);
  }
  if (logged == 0) return;
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(logged - 1));
  if (stream.get() != '\n') {
    throw UsageFailure("\"" + file + "\" is not what the job log \"" + log +
                       "\" tells of: no line ends where the last one should" + kBeginAnew);
  }
}

std::string identity_with_output(const JobRecordOptions& options, const std::string& output_file) {
  auto identity = nlohmann::ordered_json::parse(options.identity);
  identity["output"] = output_file;
  return identity.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

JobRecord::JobRecord(const JobRecordOptions& options) {
  if (!options.output.empty()) output_file_ = real_file(options.output);
  if (!options.log.empty()) {
    if (!options.output.empty() && real_file(options.log) == output_file_) {
      throw UsageFailure("--joblog and --output name the same file, \"" + options.log + "\"");
    }
    log_.emplace(options.log);
  }
  if (options.resumes) {
    resume(options);
    return;
  }
  // First the log's word that nothing is done, then the output without a line.
  if (log_) log_->begin(identity_with_output(options, output_file_), false);
  options.output.empty() ? output_.emplace() : output_.emplace(options.output);
}

void JobRecord::resume(const JobRecordOptions& options) {
  const std::string identity = identity_with_output(options, output_file_);
  history_.emplace(log_->text(), log_->name(), identity, options.is_ordered);
  const bool is_first = history_->is_empty();
  if (is_first && size_of(output_file_) > 0) {
    throw UsageFailure("the job log \"" + log_->name() + "\" tells of no run, yet \"" + options.output +
                       "\" is not empty" + kBeginAnew);
  }
  settle_assembly(output_file_, *history_);
  check_output(output_file_, log_->name(), history_->output_bytes());
  log_->cut(history_->whole_bytes());
  output_.emplace(output_file_, Output::Contents::kKept);
  output_->cut(history_->output_bytes());
  log_->begin(identity, !is_first);
}

void JobRecord::finish() {
  output_->finish();
  if (history_) assemble(output_file_, *history_, *log_);
}

}  // namespace bulkhead::cli
