// Every fault point, passed by every kind of process, with every fault: the promise is kept.
//
// This program is its own workload and its own worker program: engine, warden and workers are all in it.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bulkhead/worker_main.hpp"
#include "failing_allocations.hpp"
#include "fault_run.hpp"
#include "workload.hpp"

namespace bulkhead::test {

namespace {

const char* const kThisProgram = "/proc/self/exe";

// A place, and one way to break there.
struct Case {
  Fault fault;
  std::uint32_t passages = 0;  // when nothing is broken
};

class FaultPointsTest : public ::testing::Test {
 protected:
  static const FaultOutcome& recording() {
    static const FaultOutcome outcome = run_with_fault(program(), {});
    return outcome;
  }
  static const FaultOutcome& recorded_allocations() {
    static const FaultOutcome outcome = run_with_fault(program(), {}, Count::kAllocations);
    return outcome;
  }
  static std::filesystem::path program() { return std::filesystem::read_symlink(kThisProgram); }

  static std::vector<Case> all_cases() {
    std::vector<Case> cases;
    for (const auto& [point, passages] : recording().passages) {
      for (std::size_t role = 0; role < passages.count.size(); ++role) {
        if (passages.count[role] == 0) continue;
        const auto add = [&, &name = point, &seen = passages](const char* action, bool goes_on) {
          cases.push_back({{.role = static_cast<support::FaultRole>(role),
                            .point = name,
                            .action = action,
                            .passage = 1,
                            .goes_on = goes_on},
                           seen.count[role]});
        };
        add("kill", false);
        if (role != static_cast<std::size_t>(support::FaultRole::kHost)) add("kill", true);
        add("stop", false);
        if (passages.error == 0) continue;
        add("fail", false);
        // A call that is always interrupted is no fault that a machine can have.
        if (passages.error != EINTR) add("fail", true);
      }
    }
    return cases;
  }

  // Each site that allocates, in each role.
  static std::vector<Case> all_allocations() {
    std::vector<Case> cases;
    for (const auto& [point, passages] : recorded_allocations().passages) {
      for (std::size_t role = 0; role < passages.count.size(); ++role) {
        if (passages.count[role] == 0) continue;
        for (const bool goes_on : {false, true}) {
          cases.push_back({{.role = static_cast<support::FaultRole>(role),
                            .point = point,
                            .action = "fail",
                            .passage = 1,
                            .goes_on = goes_on},
                           passages.count[role]});
        }
      }
    }
    return cases;
  }

  // Several at a time: most of a run is waiting.
  template <class Work>
  static void in_parallel(const std::vector<Case>& cases, Work work) {
    std::atomic<std::size_t> next = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < cases.size(); at = next++) work(cases[at]);
      });
    }
    for (auto& thread : threads) thread.join();
  }

  // Whether the fault came to its turn.
  bool keeps_the_promise(const Fault& fault) {
    const FaultOutcome outcome = run_with_fault(program(), fault);
    const std::lock_guard lock(mutex_);
    ++runs_;
    if (outcome.has_fired) {
      ++fired_;
      broken_points_.insert(fault.point);
    }
    EXPECT_EQ(outcome.broken, "") << "BULKHEAD_FAULT=" << fault.text();
    return outcome.has_fired;
  }

  void run_sample(std::vector<Case> cases, std::size_t most = 16);
  void run_all(std::vector<Case> cases, const std::string& wanted);
  void break_allocations(bool of_host);

  std::mutex mutex_;
  int runs_ = 0;
  int fired_ = 0;
  std::set<std::string> broken_points_;
};

// "…: name" in this very program file.
std::set<std::string> points_in_this_program() {
  std::ifstream file(kThisProgram, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::set<std::string> points;
  for (auto at = bytes.find(support::kFaultMark); at != std::string::npos;
       at = bytes.find(support::kFaultMark, at + 1)) {
    const std::string name = bytes.c_str() + at + support::kFaultMark.size();
    if (!name.empty()) points.insert(name);
  }
  return points;
}

std::set<std::string> points_to_pass() {
  auto points = points_in_this_program();
  points.erase("outbox.dup");  // for a peer that does not read: passed once socket.send fails
  return points;
}

// A few of them by chance, but for those that take a quarter of a minute: processes that always die.
void FaultPointsTest::run_sample(std::vector<Case> cases, std::size_t most) {
  const char* const given = std::getenv("BULKHEAD_TEST_SEED");
  const auto seed = given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device{}();
  std::cout << "seed (BULKHEAD_TEST_SEED): " << seed << std::endl;
  std::mt19937 random(seed);
  std::erase_if(cases, [](const Case& one) { return one.fault.action == "kill" && one.fault.goes_on; });
  std::ranges::shuffle(cases, random);
  cases.resize(std::min(cases.size(), most));
  for (auto& one : cases) one.fault.passage = 1 + static_cast<std::uint32_t>(random() % one.passages);
  in_parallel(cases, [this](const Case& one) { (void)keeps_the_promise(one.fault); });
  std::cout << runs_ << " runs, " << fired_ << " faults" << std::endl;
}

// Those whose text holds `wanted`, or "all": at the first passage and at later ones until none comes.
void FaultPointsTest::run_all(std::vector<Case> cases, const std::string& wanted) {
  std::erase_if(cases,
                [&](const Case& one) { return wanted != "all" && one.fault.text().find(wanted) == std::string::npos; });
  in_parallel(cases, [&](const Case& one) {
    // Counts differ a little from run to run, and a fault may bring more passages.
    const std::uint32_t last = one.fault.goes_on && !one.fault.is_of_allocation() ? 2 : 2 * one.passages;
    for (Fault fault = one.fault; fault.passage <= last; fault.passage += 1 + fault.passage / 3) {
      if (!keeps_the_promise(fault)) break;
    }
  });
  std::cout << cases.size() << " ways to break, " << runs_ << " runs, " << fired_ << " faults at "
            << broken_points_.size() << " points" << std::endl;
}

TEST_F(FaultPointsTest, AreAllPassedByTheWorkload) {
  EXPECT_EQ(recording().broken, "");
  std::set<std::string> never = points_to_pass();
  EXPECT_GE(never.size(), 40U);
  const auto drop = [&](const FaultOutcome& outcome) {
    for (const auto& [point, passages] : outcome.passages) never.erase(point);
  };
  drop(recording());
  // On a busy machine a run may be over before a template is made, or a task stop before it is told to: once more, then.
  for (int again = 0; again < 5 && !never.empty(); ++again) {
    const FaultOutcome outcome = run_with_fault(program(), {});
    EXPECT_EQ(outcome.broken, "");
    drop(outcome);
  }
  EXPECT_EQ(never, std::set<std::string>());
}

TEST_F(FaultPointsTest, KeepThePromise) {
  const char* const wanted = std::getenv("BULKHEAD_TEST_FAULTS");
  if (wanted == nullptr) return run_sample(all_cases());
  run_all(all_cases(), wanted);
  if (std::string_view(wanted) != "all") return;
  for (const auto& point : points_to_pass()) EXPECT_TRUE(broken_points_.contains(point)) << point;
}

// From some moment on nothing that the host says reaches its processes: it takes ten seconds to see that, and no hour.
TEST_F(FaultPointsTest, KeepThePromiseWhenNoMessageOfTheHostArrivesAnyMore) {
  const auto count = recording().passages.at("socket.send").count[static_cast<std::size_t>(support::FaultRole::kHost)];
  std::vector<Case> cases;
  for (const std::uint32_t passage : {count / 4, count / 2}) {
    cases.push_back({{.role = support::FaultRole::kHost,
                      .point = "socket.send",
                      .action = "fail",
                      .passage = passage,
                      .goes_on = true},
                     count});
  }
  in_parallel(cases, [this](const Case& one) { EXPECT_TRUE(keeps_the_promise(one.fault)) << one.fault.text(); });
}

void FaultPointsTest::break_allocations(bool of_host) {
  EXPECT_EQ(recorded_allocations().broken, "");
  EXPECT_GE(recorded_allocations().passages.size(), 500U);
  auto cases = all_allocations();
  std::erase_if(cases, [&](const Case& one) { return (one.fault.role == support::FaultRole::kHost) != of_host; });
  const char* const wanted = std::getenv("BULKHEAD_TEST_FAULTS");
  wanted != nullptr ? run_all(std::move(cases), wanted) : run_sample(std::move(cases), of_host ? 16 : 8);
}

TEST_F(FaultPointsTest, AllocationsThatFailKeepThePromise) { break_allocations(false); }
TEST_F(FaultPointsTest, AllocationsOfTheHostThatFailKeepThePromise) { break_allocations(true); }

}  // namespace
}  // namespace bulkhead::test

int main(int argc, char** argv) {
  if (argc > 1) bulkhead::test::count_allocations();
  if (const int status = bulkhead::worker_main(argc, argv); status >= 0) return status;
  if (argc == 4 && std::string_view(argv[1]) == bulkhead::test::kWorkloadArgument) {
    return bulkhead::test::run_workload({.folder = argv[2], .has_limits = std::string_view(argv[3]) == "limits"});
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
