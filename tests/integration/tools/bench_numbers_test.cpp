// What bulkhead-bench makes of what it measured: medians, shares, ratios, verdicts.
#include <gtest/gtest.h>

#include "contest.hpp"
#include "samples.hpp"
#include "words.hpp"

namespace bulkhead::bench {
namespace {

TEST(BenchSamples, HaveTheMiddleOneAsTheirMedian) {
  EXPECT_EQ(median_of({}), 0);
  EXPECT_EQ(median_of({3}), 3);
  EXPECT_EQ(median_of({9, 1, 5}), 5);
  EXPECT_EQ(median_of({9, 1, 5, 2}), 3.5);
}

TEST(BenchSamples, TellQuantilesAndShares) {
  Samples samples(100);
  for (int us = 100; us > 0; --us) samples.add(us);
  EXPECT_TRUE(samples.is_full());
  EXPECT_EQ(samples.mean(), 50.5);
  EXPECT_EQ(samples.quantile(0), 1);
  EXPECT_EQ(samples.quantile(0.99), 100);
  EXPECT_EQ(samples.quantile(1), 100);
  EXPECT_EQ(samples.share_at_most(2), 0.02);
  const auto points = samples.distribution();
  EXPECT_EQ(points.front(), (std::pair<double, double>{0, 1}));
  EXPECT_EQ(points.back(), (std::pair<double, double>{1, 100}));
}

TEST(BenchSamples, SayNothingOfCallsRarerThanTheyAreMany) {
  Samples samples;
  for (int us = 1; us <= 10; ++us) samples.add(us);
  const auto points = samples.distribution();
  EXPECT_EQ(points.at(points.size() - 2), (std::pair<double, double>{0.9, 10}));
}

// A machine that is ten times as slow in one round is so for both.
TEST(BenchContest, TakesTheMedianOfTheRoundsRatios) {
  int round = 0;
  const auto drifting = [&round](double value) {
    return [&round, value] {
      Slice slice;
      slice.value = value * (round++ < 2 ? 1 : 10);
      return slice;
    };
  };
  const auto standings = hold_contest({{"ours", drifting(2)}, {"theirs", drifting(8)}}, 3);
  EXPECT_EQ(ratio_of(standings[0], standings[1], Better::kLower), 4);
  EXPECT_EQ(ratio_of(standings[0], standings[1], Better::kHigher), 0.25);
  Figure figure;
  put_standings(figure, standings, Better::kLower);
  EXPECT_EQ(figure.value, 20);
  ASSERT_EQ(figure.rivals.size(), 1u);
  EXPECT_EQ(figure.rivals[0].name, "theirs");
  EXPECT_EQ(figure.rivals[0].value, 80);
  EXPECT_EQ(figure.rivals[0].ratio, 4);
}

TEST(BenchTarget, IsMetAtItsBound) {
  Figure figure;
  figure.spec = {"group.figure", "us", "", at_most(0.3)};
  EXPECT_EQ(verdict_text(figure), "not measured");
  figure.value = 0.3;
  EXPECT_EQ(verdict_text(figure), "met");
  EXPECT_EQ(target_text(figure.spec), "at most 0.3");
  figure.spec.target = at_least(80);
  EXPECT_EQ(verdict_text(figure), "not met");
  figure.spec.target.reset();
  EXPECT_EQ(verdict_text(figure), "");
}

TEST(BenchWords, ShowThreeDigitsThatCount) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(0.0123), "0.0123");
  EXPECT_EQ(short_number(0.2134), "0.213");
  EXPECT_EQ(short_number(2.134), "2.13");
  EXPECT_EQ(short_number(21.34), "21.3");
  EXPECT_EQ(short_number(1234.5), "1 234");
  EXPECT_EQ(short_number(12345678), "12 345 678");
}

}  // namespace
}  // namespace bulkhead::bench
