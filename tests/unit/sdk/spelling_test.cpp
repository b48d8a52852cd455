#include <bulkhead/sdk/spelling.hpp>

#include <gtest/gtest.h>

namespace bulkhead::sdk {
namespace {

TEST(Spelling, CutsAtCommasOutsideOfBracketsAndLiterals) {
  constexpr auto kCut = cut<5>(
      "a, ns::b , &c<int, 3>, task<R(A, B)>(\"x,y\\\"\", [](int a) -> int { return a < 3, ','; }), "
      "t.timeout(1'000ms, 2)");
  static_assert(kCut.found == 5);
  EXPECT_EQ(kCut.items[0], "a");
  EXPECT_EQ(kCut.items[1], "ns::b");
  EXPECT_EQ(kCut.items[2], "c<int, 3>");
  EXPECT_EQ(kCut.items[4], "t.timeout(1'000ms, 2)");
}

TEST(Spelling, FindsNothingInNothing) {
  EXPECT_EQ(cut<0>("").found, 0U);
  EXPECT_EQ(cut<0>("  ").found, 0U);
}

TEST(Spelling, CountsMoreItemsThanItWasToldOf) { EXPECT_EQ(cut<1>("a,b,c").found, 3U); }

TEST(Spelling, SurvivesUnbalancedText) {
  EXPECT_EQ(cut<1>("\"open").found, 1U);
  EXPECT_EQ(cut<1>("a\\").found, 1U);
  EXPECT_EQ(cut<1>("\"\\").found, 1U);
}

TEST(Spelling, TakesTheLastPartOfAName) {
  EXPECT_EQ(last_part("a::b::c"), "c");
  EXPECT_EQ(last_part("::c"), "c");
  EXPECT_EQ(last_part("c"), "c");
}

}  // namespace
}  // namespace bulkhead::sdk
