#include "plugin/nearest_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace bulkhead::plugin {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::array<std::string_view, 6> kNames{"math.add",   "math.sub",  "math.divide",
                                                 "img.resize", "img.scale", "text.add_all"};

TEST(NearestNames, FindsOneWrongLetter) { EXPECT_THAT(nearest_names("img.resise", kNames), ElementsAre("img.resize")); }

TEST(NearestNames, FindsSwappedNeighboursAndMissingLetters) {
  EXPECT_THAT(nearest_names("math.dvidie", kNames, 1), ElementsAre("math.divide"));
  EXPECT_THAT(nearest_names("mth.divide", kNames, 1), ElementsAre("math.divide"));
}

TEST(NearestNames, PutsTheNearestFirst) { EXPECT_THAT(nearest_names("math.ad", kNames, 1), ElementsAre("math.add")); }

TEST(NearestNames, IgnoresUpperAndLowerCase) {
  EXPECT_THAT(nearest_names("IMG.Resize", kNames), ElementsAre("img.resize"));
}

TEST(NearestNames, FindsATaskNamedWithoutItsPlugin) {
  EXPECT_THAT(nearest_names("resize", kNames), ElementsAre("img.resize"));
}

TEST(NearestNames, FindsNothingForSomethingElse) {
  EXPECT_THAT(nearest_names("video.encode", kNames), IsEmpty());
  EXPECT_THAT(nearest_names("", kNames), IsEmpty());
  EXPECT_THAT(nearest_names("x", kNames), IsEmpty());
}

TEST(NearestNames, FindsNothingForAnEndlessName) {
  EXPECT_THAT(nearest_names(std::string(1 << 20, 'a'), kNames), IsEmpty());
}

TEST(NearestNames, GivesAtMostAsManyAsAsked) {
  constexpr std::array<std::string_view, 4> kAlike{"taska", "taskb", "taskc", "taskd"};
  EXPECT_THAT(nearest_names("tasks", kAlike, 2), ElementsAre("taska", "taskb"));
}

TEST(NearestNames, AreAskedForInASentence) {
  const std::array<std::string, 3> names{"a", "b", "c"};
  EXPECT_EQ(did_you_mean({}), "");
  EXPECT_EQ(did_you_mean(std::span(names).first(1)), "did you mean \"a\"?");
  EXPECT_EQ(did_you_mean(names), "did you mean \"a\", \"b\" or \"c\"?");
}

}  // namespace
}  // namespace bulkhead::plugin
