// The job log and the output of a map whose program may be killed at any moment: simulated runs, at random.
#include "job_record.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <system_error>
#include <vector>

namespace bulkhead::cli {
namespace {

namespace fs = std::filesystem;

std::string read(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}
void append(const std::string& file, const std::string& text) {
  std::ofstream(file, std::ios::binary | std::ios::app) << text;
}

class Job {
 public:
  explicit Job(std::uint32_t seed) : random_(seed), is_ordered_(random_() % 2 == 0), items_(1 + random_() % 40) {
    std::string pattern = fs::temp_directory_path() / "bulkhead-job-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), pattern);
    folder_ = pattern;
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  ~Job() { fs::remove_all(folder_); }

  // Resumes until every item has succeeded, with a kill somewhere in most runs.
  void run_to_the_end() {
    constexpr int kLastAttempt = 40;
    for (int attempt = 0; attempt <= kLastAttempt; ++attempt) {
      const bool is_last = attempt == kLastAttempt;
      const bool has_reached_end = run(is_last);
      if (has_reached_end) check_output();
      if (has_reached_end && has_succeeded_) return;
      tear();
    }
    FAIL() << "the last attempt did not succeed";
  }

 private:
  [[nodiscard]] std::string out() const { return folder_ / "out"; }
  [[nodiscard]] std::string log() const { return folder_ / "log"; }
  [[nodiscard]] std::string new_out() const { return folder_ / "out.bulkhead-new"; }

  bool run(bool is_last) {
    JobRecord record(
        {.log = log(), .output = out(), .resumes = true, .is_ordered = is_ordered_, .identity = R"({"task":"x"})"});
    std::vector<Item> wanted;
    for (std::uint64_t i = 0; i < items_; ++i) {
      Item item{.text = "item " + std::to_string(i), .error = {}};
      item.index = i;
      if (!record.history()->is_done(item)) wanted.push_back(item);
    }
    if (!is_ordered_) std::ranges::shuffle(wanted, random_);
    const std::size_t killed_before = is_last ? wanted.size() : random_() % (wanted.size() + 1);
    has_succeeded_ = true;
    for (std::size_t i = 0; i < killed_before; ++i) {
      const bool is_good = is_last || random_() % 4 != 0;
      has_succeeded_ = has_succeeded_ && is_good;
      record.output().add_line((is_good ? "good " : "a longer line for the failed ") + std::to_string(wanted[i].index));
      record.log()->add({.item = &wanted[i], .error_type = is_good ? "" : "TaskError", .end = record.output().end()});
      record.history()->add(wanted[i], is_good, record.output().end());
      if (random_() % 4 == 0) flush(record);
    }
    if (killed_before < wanted.size()) {
      // The output is always ahead of the log, if anything.
      if (random_() % 2 == 0) record.output().flush();
      return false;
    }
    flush(record);
    const std::string before = read(out());
    record.finish();
    if (!is_last && read(out()) != before && random_() % 2 == 0) {
      // Killed after the log's word, before the renaming.
      fs::rename(out(), new_out());
      append(out(), before);
      return false;
    }
    return true;
  }

  static void flush(JobRecord& record) {
    record.output().flush();
    record.log()->flush();
  }

  // What a kill may leave behind.
  void tear() {
    if (fs::exists(new_out())) return;
    if (random_() % 2 == 0) append(out(), "a torn li");
    if (random_() % 2 == 0) append(log(), R"({"item":3,"sh)");
    if (random_() % 4 == 0) append(new_out(), "a part of");
  }

  void check_output() const {
    std::ifstream stream(out());
    std::vector<std::uint64_t> seen;
    for (std::string line; std::getline(stream, line);) seen.push_back(std::stoull(line.substr(line.rfind(' '))));
    if (!is_ordered_) std::ranges::sort(seen);
    ASSERT_EQ(seen.size(), items_);
    for (std::uint64_t i = 0; i < items_; ++i) ASSERT_EQ(seen[i], i);
  }

  std::mt19937 random_;
  bool is_ordered_;
  std::uint64_t items_;
  bool has_succeeded_ = false;
  fs::path folder_;
};

TEST(JobRecord, LosesNothingAndDoublesNothingWhereverItIsKilled) {
  const auto first = std::random_device()();
  constexpr std::uint32_t kJobs = 50;
  for (std::uint32_t i = 0; i < kJobs && !HasFatalFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(first + i));
    Job(first + i).run_to_the_end();
  }
}

}  // namespace
}  // namespace bulkhead::cli
