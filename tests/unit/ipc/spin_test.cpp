#include "ipc/spin.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <vector>

#include "support/cgroup_cpus.hpp"

namespace bulkhead::ipc {
namespace {

// Puts the affinity of the calling thread back.
class SavedAffinity {
 public:
  SavedAffinity() { sched_getaffinity(0, sizeof set_, &set_); }
  ~SavedAffinity() { sched_setaffinity(0, sizeof set_, &set_); }
  SavedAffinity(const SavedAffinity&) = delete;
  SavedAffinity& operator=(const SavedAffinity&) = delete;
  [[nodiscard]] int first_cpu() const {
    int cpu = 0;
    while (!CPU_ISSET(cpu, &set_)) ++cpu;
    return cpu;
  }
  [[nodiscard]] int count() const { return CPU_COUNT(&set_); }

 private:
  cpu_set_t set_{};
};

TEST(SpinBudget, IsZeroWhereOneProcessorIsUsable) {
  const SavedAffinity saved;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(saved.first_cpu(), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(usable_cpus(), 1U);
  EXPECT_EQ(default_spin_budget().host_pauses, 0U);
  EXPECT_EQ(default_spin_budget().worker_pauses, 0U);
}

TEST(SpinBudget, IsLongerThanAWakeUpWhereSeveralAreUsable) {
  const SavedAffinity saved;
  if (saved.count() < 2) GTEST_SKIP() << "one processor";
  const auto in_mask = static_cast<unsigned>(saved.count());
  const unsigned by_quota = support::cgroup_cpus().value_or(in_mask);
  EXPECT_EQ(usable_cpus(), std::min(in_mask, by_quota));
  if (by_quota < 2) GTEST_SKIP() << "one processor by quota";
  EXPECT_GE(default_spin_budget().worker_pauses, 400U);
}

TEST(SpinBudget, IsLessForWorkersThatOutnumberTheProcessors) {
  const auto few = spin_budget(4, 4);
  const auto many = spin_budget(4, 5);
  EXPECT_LT(many.worker_pauses, few.worker_pauses);
  EXPECT_GT(many.worker_pauses, 0U);
  EXPECT_EQ(many.host_pauses, few.host_pauses);
  EXPECT_EQ(spin_budget(1, 1).worker_pauses, 0U);
}

TEST(AdaptiveSpin, LooksForLessLongAfterLookingInVain) {
  AdaptiveSpin spin(2000);
  EXPECT_EQ(spin.pauses(), 2000U);
  spin.note(false);
  EXPECT_EQ(spin.pauses(), 1000U);
  for (int i = 0; i < 10; ++i) spin.note(false);
  EXPECT_EQ(spin.pauses(), 64U);
  for (int i = 0; i < 10; ++i) spin.note(true);
  EXPECT_EQ(spin.pauses(), 2000U);
}

TEST(AdaptiveSpin, FindsOutThatItNeedNotSleepAnyMore) {
  AdaptiveSpin spin(2000);
  std::vector<std::uint32_t> most;
  for (int i = 0; i < 100; ++i) {
    spin.note(false);
    if (spin.pauses() == 2000) most.push_back(static_cast<std::uint32_t>(i));
  }
  EXPECT_GE(most.size(), 3U);
}

TEST(AdaptiveSpin, NeverSpinsWhereItMustNot) {
  AdaptiveSpin spin(0);
  for (int i = 0; i < 100; ++i) {
    spin.note(i % 3 == 0);
    ASSERT_EQ(spin.pauses(), 0U);
  }
}

}  // namespace
}  // namespace bulkhead::ipc
