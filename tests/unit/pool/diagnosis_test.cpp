#include "pool/diagnosis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "bulkhead/error.hpp"

namespace bulkhead::pool {
namespace {

using ::testing::HasSubstr;
using Verdict = Finding::Verdict;

Machine large_machine() {
  Machine machine;
  machine.processors = machine.in_mask = 8;
  machine.free_memory = std::uint64_t{16} << 30;
  machine.descriptors = {.used = 10, .limit = 1024, .most = 4096};
  machine.processes = {.used = 100, .limit = 60'000};
  machine.kernel = "6.1";
  return machine;
}

Finding finding_of(const std::string& subject, const Machine& machine, std::uint64_t workers) {
  for (auto& finding : judge(machine, {.workers = workers, .ring_bytes = 512u << 10})) {
    if (finding.subject == subject) return finding;
  }
  throw std::runtime_error("no finding about " + subject);
}

TEST(Diagnosis, FindsNoFaultWithALargeMachine) {
  for (const auto& finding : judge(large_machine(), {.workers = 8, .ring_bytes = 512u << 10})) {
    EXPECT_EQ(finding.verdict, Verdict::kGood) << finding.subject << ": " << finding.text;
    EXPECT_EQ(finding.help, "") << finding.subject;
    EXPECT_NE(finding.text, "") << finding.subject;
  }
}

TEST(Diagnosis, TellsDescriptorsThatAreFewFromThoseThatAreTooFew) {
  EXPECT_EQ(finding_of("descriptors", large_machine(), 64).verdict, Verdict::kGood);
  EXPECT_EQ(finding_of("descriptors", large_machine(), 100).verdict, Verdict::kWarning);
  const auto finding = finding_of("descriptors", large_machine(), 256);
  EXPECT_EQ(finding.verdict, Verdict::kProblem);
  EXPECT_THAT(finding.text, HasSubstr("1812 descriptors"));
  EXPECT_THAT(finding.help, HasSubstr("ulimit -n 3644"));
  EXPECT_THAT(finding_of("descriptors", large_machine(), 1000).help, HasSubstr("limits.conf"));
}

TEST(Diagnosis, NamesTheControlGroupThatIsTighterThanTheMachine) {
  Machine machine = large_machine();
  machine.group_memory = {.used = 100u << 20, .limit = 200u << 20};
  machine.group_processes = {.used = 5, .limit = 20};
  const auto memory = finding_of("memory", machine, 20);
  EXPECT_EQ(memory.verdict, Verdict::kProblem);
  EXPECT_THAT(memory.text, HasSubstr("100 MiB can be had in this control group"));
  const auto processes = finding_of("processes", machine, 20);
  EXPECT_EQ(processes.verdict, Verdict::kProblem);
  EXPECT_THAT(processes.help, HasSubstr("pids.max"));
}

TEST(Diagnosis, SaysThatNobodySpinsOnOneProcessor) {
  Machine machine = large_machine();
  machine.by_quota = 1;
  EXPECT_THAT(finding_of("waiting", machine, 1).text, HasSubstr("sleeps at once"));
  EXPECT_THAT(finding_of("waiting", large_machine(), 8).text, HasSubstr("2000 times, a worker up to 2000"));
  EXPECT_THAT(finding_of("waiting", large_machine(), 9).text, HasSubstr("2000 times, a worker up to 200"));
  EXPECT_THAT(finding_of("processors", machine, 1).text,
              HasSubstr("8 processors, usable 1, the control group's quota is 1"));
}

TEST(Diagnosis, TellsWhatTheKernelAndTheFileSystemRefuse) {
  Machine machine = large_machine();
  machine.missing_call = "close_range (Linux 5.9)";
  machine.semaphores_error = "cannot create semaphore: Permission denied";
  EXPECT_EQ(finding_of("kernel", machine, 1).verdict, Verdict::kProblem);
  EXPECT_THAT(finding_of("kernel", machine, 1).text, HasSubstr("close_range"));
  EXPECT_EQ(finding_of("semaphores", machine, 1).verdict, Verdict::kProblem);
  EXPECT_THAT(finding_of("semaphores", machine, 1).text, HasSubstr("Permission denied"));
}

TEST(Diagnosis, ReadsThisMachine) {
  const auto findings = diagnose();
  ASSERT_EQ(findings.size(), 7U);
  const Machine machine = read_machine();
  EXPECT_EQ(machine.missing_call, "");
  EXPECT_EQ(machine.semaphores_error, "");
  EXPECT_GE(machine.descriptors.used, 3U);
  EXPECT_GE(machine.processes.used, 1U);
  EXPECT_LT(machine.free_memory, kUnlimited);
  EXPECT_THROW((void)diagnose({.processes = -1}), UsageError);
}

TEST(Diagnosis, ReadsControlGroupsAndTakesTheTightest) {
  std::string root = std::filesystem::temp_directory_path() / "bulkhead-group-XXXXXX";
  if (::mkdtemp(root.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  const auto put = [&](const std::string& file, const std::string& text) {
    const auto path = std::filesystem::path(root) / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text << "\n";
  };
  put("proc/self/cgroup", "0::/a/b");
  put("proc/self/mountinfo", "30 22 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw");
  put("sys/fs/cgroup/a/b/memory.max", "1000");
  put("sys/fs/cgroup/a/b/memory.current", "100");
  put("sys/fs/cgroup/a/memory.max", "2000");
  put("sys/fs/cgroup/a/memory.current", "1900");
  put("sys/fs/cgroup/a/b/pids.max", "max");
  put("sys/fs/cgroup/a/b/pids.current", "3");
  EXPECT_EQ(group_memory(root).left(), 100U);
  EXPECT_EQ(group_memory(root).limit, 2000U);
  EXPECT_EQ(group_processes(root).limit, kUnlimited);
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace bulkhead::pool
