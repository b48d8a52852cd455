#include "text/grep.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

#include "unit/plugins/scratch_folder.hpp"

namespace {

using plugin_tests::ScratchFolder;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Line = std::pair<std::uint64_t, std::string>;

class Grep : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<Line> grep(const std::string& content, const std::string& pattern,
                                       std::optional<std::uint32_t> count = {}) const {
    std::vector<Line> lines;
    for (auto& [line, text] : text::grep(folder_.write("file", content), pattern, count)) {
      lines.emplace_back(line, std::move(text));
    }
    return lines;
  }

  ScratchFolder folder_;
};

TEST_F(Grep, TellsTheMatchingLinesAndTheirNumbers) {
  const std::string poem = "one fish\ntwo fish\n\nred\nblue fish";
  EXPECT_THAT(grep(poem, "fish$"), ElementsAre(Line{1, "one fish"}, Line{2, "two fish"}, Line{5, "blue fish"}));
  EXPECT_THAT(grep(poem, "^$"), ElementsAre(Line{3, ""}));
  EXPECT_THAT(grep(poem, "(?i)RED|t.o"), ElementsAre(Line{2, "two fish"}, Line{4, "red"}));
  EXPECT_THAT(grep(poem, "cat"), IsEmpty());
  EXPECT_THAT(grep("", "^"), IsEmpty());
  EXPECT_THAT(grep("\n", "^"), ElementsAre(Line{1, ""}));
}

TEST_F(Grep, APatternSeesOneLineAtATime) {
  EXPECT_THAT(grep("a\nb\n", "a\\sb"), IsEmpty());
  EXPECT_THAT(grep("a\nb\n", "[^x]b"), IsEmpty());
  EXPECT_THAT(grep("a\r\nb\n", "a\\r$"), ElementsAre(Line{1, "a\r"}));
}

TEST_F(Grep, StopsAtTheCount) {
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "x\n";
  EXPECT_EQ(grep(many, "x").size(), 1000u);
  EXPECT_EQ(grep(many, "x", 4000).size(), 4000u);
  EXPECT_EQ(grep(many, "x", 1), (std::vector<Line>{{1, "x"}}));
  EXPECT_THAT(grep(many, "x", 0), IsEmpty());
}

TEST_F(Grep, LinesThatSpanBlocksAreWhole) {
  constexpr unsigned kSeed = 20261120;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  std::string content;
  std::vector<Line> expected;
  for (std::uint64_t line = 1; content.size() < 500'000; ++line) {
    std::string text(random() % (line % 50 == 0 ? 100'000 : 300), 'a');
    if (random() % 4 == 0) text += "needle";
    if (text.ends_with("needle")) expected.emplace_back(line, text.substr(0, text::kMaxToldBytes));
    content += text + "\n";
  }
  EXPECT_TRUE(grep(content, "needle$", 1u << 20) == expected);
}

TEST_F(Grep, BoundsWhatItSearchesAndTellsOfALine) {
  const std::string longest(text::kMaxSearchedBytes - 1, 'a');
  const auto found = grep(longest + "b\n" + longest + "ab\nb\n" + longest + "b", "b");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0], (Line{1, std::string(text::kMaxToldBytes, 'a')}));
  EXPECT_EQ(found[1], (Line{3, "b"}));
  EXPECT_EQ(found[2].first, 4u);
}

TEST_F(Grep, CutsNoCharacterOfUtf8) {
  for (std::size_t before = text::kMaxToldBytes - 4; before <= text::kMaxToldBytes; ++before) {
    const std::string start(before, 'a');
    const auto found = grep(start + "\xF0\x9F\x90\x9F and more", "fish|a");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].second, before + 4 <= text::kMaxToldBytes ? start + "\xF0\x9F\x90\x9F" : start) << before;
  }
}

TEST_F(Grep, FindsWhatIsThereAmongBytesThatAreNoUtf8) {
  EXPECT_THAT(grep("\xff\xfe needle \xc3\n", "needle"), ElementsAre(Line{1, "\xff\xfe needle \xc3"}));
  EXPECT_THAT(grep(std::string("a\0b\n", 4), "b"), ElementsAre(Line{1, std::string("a\0b", 3)}));
  EXPECT_THAT(grep("na\xC3\xAFve\n", "na.ve"), ElementsAre(Line{1, "na\xC3\xAFve"}));
}

TEST_F(Grep, APatternThatWouldTakeOthersForeverTakesNoTime) {
  // With backtracking this is 2^50000 steps.
  EXPECT_THAT(grep(std::string(50'000, 'a') + "\n", "(a*)*b"), IsEmpty());
  EXPECT_THAT(grep(std::string(50'000, 'a') + "\n", "(x+x+)+y|(a|a)*$").size(), 1u);
}

TEST_F(Grep, SaysWhatIsWrongWithAPattern) {
  const auto file = folder_.write("file", "x");
  const auto reason = [&](const std::string& pattern) -> std::string {
    try {
      (void)text::grep(file, pattern, {});
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(reason("a(b"), "cannot search for \"a(b\": missing ): a(b");
  EXPECT_THAT(reason("[z-a]"), HasSubstr("invalid character class range"));
  EXPECT_THAT(reason("(a)\\1"), HasSubstr("invalid escape sequence"));
  EXPECT_THAT(reason("((a{100}){100}){100}"), AllOf(HasSubstr("cannot search"), HasSubstr("repetition")));
  EXPECT_THAT(reason("\xff"), HasSubstr("invalid UTF-8"));
  // And goes on with the next.
  EXPECT_THAT(grep("x\n", "x"), ElementsAre(Line{1, "x"}));
}

TEST_F(Grep, RefusesWhatIsNoRegularFile) {
  EXPECT_THROW((void)text::grep(folder_.path(), "x", {}), std::system_error);
  EXPECT_THROW((void)text::grep(folder_.path() / "gone", "x", {}), std::system_error);
}

}  // namespace
