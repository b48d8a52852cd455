#include "math/math_tasks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

TEST(Math, AddReachesBothEndsOfItsRange) {
  EXPECT_EQ(math::add(2, 3), 5);
  EXPECT_EQ(math::add(kMax - 1, 1), kMax);
  EXPECT_EQ(math::add(kMin + 1, -1), kMin);
}

TEST(Math, AddRefusesWhatDoesNotFit) {
  EXPECT_THROW((void)math::add(kMax, 1), std::overflow_error);
  EXPECT_THROW((void)math::add(kMin, -1), std::overflow_error);
}

TEST(Math, SubRefusesWhatDoesNotFit) {
  EXPECT_EQ(math::sub(2, 3), -1);
  EXPECT_EQ(math::sub(-1, kMax), kMin);
  EXPECT_THROW((void)math::sub(0, kMin), std::overflow_error);
  EXPECT_THROW((void)math::sub(kMin, 1), std::overflow_error);
}

TEST(Math, MulRefusesWhatDoesNotFit) {
  EXPECT_EQ(math::mul(-6, 7), -42);
  EXPECT_EQ(math::mul(kMin, 1), kMin);
  EXPECT_THROW((void)math::mul(kMin, -1), std::overflow_error);
  EXPECT_THROW((void)math::mul(std::int64_t{1} << 32, std::int64_t{1} << 31), std::overflow_error);
}

TEST(Math, SquareRefusesWhatDoesNotFit) {
  EXPECT_EQ(math::square(-12), 144);
  EXPECT_EQ(math::square(3'037'000'499), 9'223'372'030'926'249'001);
  EXPECT_THROW((void)math::square(3'037'000'500), std::overflow_error);
}

TEST(Math, DivideRoundsTowardsZero) {
  EXPECT_EQ(math::divide(7, 2), 3);
  EXPECT_EQ(math::divide(-7, 2), -3);
}

TEST(Math, DivideByZeroIsADomainErrorThatNamesTheDividend) {
  try {
    (void)math::divide(7, 0);
    FAIL() << "no error";
  } catch (const std::domain_error& error) {
    EXPECT_STREQ(error.what(), "cannot divide 7 by zero");
  }
}

TEST(Math, TheOneQuotientThatDoesNotFitIsRefused) { EXPECT_THROW((void)math::divide(kMin, -1), std::overflow_error); }

TEST(Math, SqrtRefusesNegativeNumbersOnly) {
  EXPECT_EQ(math::sqrt(2.25), 1.5);
  EXPECT_EQ(math::sqrt(-0.0), 0.0);
  EXPECT_TRUE(std::isnan(math::sqrt(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_THROW((void)math::sqrt(-1.0), std::domain_error);
  EXPECT_THROW((void)math::sqrt(-std::numeric_limits<double>::infinity()), std::domain_error);
}

TEST(Math, HypotDoesNotOverflowOnTheWay) {
  EXPECT_EQ(math::hypot(3, 4), 5);
  EXPECT_TRUE(std::isfinite(math::hypot(1e300, 1e300)));
}

TEST(Math, SumAddsFromLeftToRight) {
  EXPECT_EQ(math::sum({}), 0.0);
  const double values[] = {1e100, 1.0, -1e100};
  EXPECT_EQ(math::sum(values), 0.0);
  const double reordered[] = {1e100, -1e100, 1.0};
  EXPECT_EQ(math::sum(reordered), 1.0);
}

TEST(Math, PrimesBelowLeavesOutTheLimitItself) {
  EXPECT_THAT(math::primes_below(0), IsEmpty());
  EXPECT_THAT(math::primes_below(2), IsEmpty());
  EXPECT_THAT(math::primes_below(3), ElementsAre(2));
  EXPECT_THAT(math::primes_below(13), ElementsAre(2, 3, 5, 7, 11));
  EXPECT_THAT(math::primes_below(14), ElementsAre(2, 3, 5, 7, 11, 13));
}

TEST(Math, PrimesBelowAgreesWithTrialDivision) {
  std::vector<std::uint32_t> expected;
  for (std::uint32_t n = 2; n < 2000; ++n) {
    bool is_prime = true;
    for (std::uint32_t d = 2; d < n && is_prime; ++d) is_prime = n % d != 0;
    if (is_prime) expected.push_back(n);
  }
  for (std::uint32_t limit : {100U, 121U, 122U, 169U, 170U, 961U, 962U, 2000U}) {
    std::vector<std::uint32_t> below;
    for (std::uint32_t prime : expected) {
      if (prime < limit) below.push_back(prime);
    }
    EXPECT_EQ(math::primes_below(limit), below) << limit;
  }
}

TEST(Math, ThereAre78498PrimesBelowAMillion) { EXPECT_EQ(math::primes_below(1'000'000).size(), 78'498U); }

TEST(Math, FibonacciGoesUpToTheLastThatFits) {
  EXPECT_EQ(math::fibonacci(0), 0U);
  EXPECT_EQ(math::fibonacci(1), 1U);
  EXPECT_EQ(math::fibonacci(10), 55U);
  EXPECT_EQ(math::fibonacci(93), 12'200'160'415'121'876'738U);
  EXPECT_THROW((void)math::fibonacci(94), std::overflow_error);
}

}  // namespace
