#include "support/time_buckets.hpp"

#include <gtest/gtest.h>

namespace bulkhead::support {
namespace {

using std::chrono::nanoseconds;

TEST(TimeBuckets, EveryDurationLiesBetweenItsClassAndTheNext) {
  for (std::int64_t value = 0; value >= 0 && value < nanoseconds::max().count() / 2; value += 1 + value / 7) {
    const auto index = TimeBuckets::index(nanoseconds(value));
    ASSERT_LT(index + 1, TimeBuckets::kCount);
    EXPECT_LE(TimeBuckets::from(index).count(), value);
    EXPECT_GT(TimeBuckets::from(index + 1).count(), value);
    EXPECT_EQ(TimeBuckets::index(TimeBuckets::from(index)), index);
  }
}

TEST(TimeBuckets, AClassIsAtMostAnEighthWide) {
  for (std::uint32_t index = 8; index < 480; ++index) {
    const auto from = TimeBuckets::from(index).count();
    EXPECT_LE(TimeBuckets::from(index + 1).count() - from, (from + 7) / 8) << index;
  }
}

TEST(TimeBuckets, TheLongestAndTheNegativeHaveAClass) {
  EXPECT_LT(TimeBuckets::index(nanoseconds::max()), TimeBuckets::kCount);
  EXPECT_EQ(TimeBuckets::index(nanoseconds(-5)), 0u);
}

}  // namespace
}  // namespace bulkhead::support
