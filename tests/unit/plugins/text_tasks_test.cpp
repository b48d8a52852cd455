#include "text/text_tasks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <system_error>

#include "unit/plugins/scratch_folder.hpp"

namespace {

using plugin_tests::ScratchFolder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Word = std::tuple<std::string, std::uint64_t>;

// Longer than any block a file is read in.
constexpr std::size_t kManyBlocks = 500'000;

TEST(Text, AnEmptyFileHasNothingToCount) {
  const ScratchFolder folder;
  const auto file = folder.write("empty", "");
  EXPECT_EQ(text::word_count(file), 0U);
  EXPECT_EQ(text::line_count(file), 0U);
  EXPECT_THAT(text::top_words(file, std::nullopt), IsEmpty());
}

TEST(Text, WordsAreDividedByEveryWhiteSpaceOfTheCLocale) {
  const ScratchFolder folder;
  EXPECT_EQ(text::word_count(folder.write("all", "a b\tc\nd\ve\ff\rg")), 7U);
  EXPECT_EQ(text::word_count(folder.write("edges", " \n a  b \n")), 2U);
  EXPECT_EQ(text::word_count(folder.write("blank", " \t\n ")), 0U);
}

TEST(Text, ControlCharactersAndHighBytesBelongToWords) {
  const ScratchFolder folder;
  EXPECT_EQ(text::word_count(folder.write("odd",
                                          "a\x01"
                                          "b \xff\xfe \x08 \x0e")),
            4U);
}

TEST(Text, WordCountAgreesWithACountByteByByteAcrossBlocks) {
  constexpr unsigned kSeed = 20240229;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  constexpr std::string_view kAlphabet = "ab \n\t\r";
  std::string content;
  std::uint64_t expected = 0;
  bool in_word = false;
  for (std::size_t i = 0; i < kManyBlocks; ++i) {
    const char c = kAlphabet[random() % kAlphabet.size()];
    content += c;
    const bool is_letter = c == 'a' || c == 'b';
    if (is_letter && !in_word) ++expected;
    in_word = is_letter;
  }
  const ScratchFolder folder;
  EXPECT_EQ(text::word_count(folder.write("random", content)), expected);
}

TEST(Text, AWordThatSpansBlocksIsOneWord) {
  const ScratchFolder folder;
  EXPECT_EQ(text::word_count(folder.write("long", std::string(kManyBlocks, 'x'))), 1U);
}

TEST(Text, LineCountLeavesOutALastLineWithoutItsEnd) {
  const ScratchFolder folder;
  EXPECT_EQ(text::line_count(folder.write("two", "a\nb\n")), 2U);
  EXPECT_EQ(text::line_count(folder.write("open", "a\nb")), 1U);
  EXPECT_EQ(text::line_count(folder.write("many", std::string(kManyBlocks, '\n'))), kManyBlocks);
}

TEST(Text, TopWordsAreTheMostFrequentWithTiesByTheirBytes) {
  const ScratchFolder folder;
  const auto file = folder.write("file", "pear apple, fig; Apple (fig) zoo APPLE?");
  EXPECT_THAT(text::top_words(file, std::nullopt),
              ElementsAre(Word{"apple", 3}, Word{"fig", 2}, Word{"pear", 1}, Word{"zoo", 1}));
  EXPECT_THAT(text::top_words(file, 3), ElementsAre(Word{"apple", 3}, Word{"fig", 2}, Word{"pear", 1}));
  EXPECT_THAT(text::top_words(file, 0), IsEmpty());
}

TEST(Text, TopWordsGivesTenWhenNoNumberIsGiven) {
  const ScratchFolder folder;
  EXPECT_EQ(text::top_words(folder.write("file", "a b c d e f g h i j k l"), {}).size(), 10U);
}

TEST(Text, ApostrophesBelongInsideWordsOnly) {
  const ScratchFolder folder;
  EXPECT_THAT(text::top_words(folder.write("file", "Don't 'quote' don't '' '"), 9),
              ElementsAre(Word{"don't", 2}, Word{"quote", 1}));
}

TEST(Text, BytesOfUtf8StayWholeAndUnchanged) {
  const ScratchFolder folder;
  EXPECT_THAT(text::top_words(folder.write("file",
                                           "\xC3\x9C"
                                           "BER na\xC3\xAFve-na\xC3\xAFve"),
                              9),
              ElementsAre(Word{"na\xC3\xAFve", 2}, Word{"\xC3\x9C"
                                                        "ber",
                                                        1}));
}

TEST(Text, AWordCutByTheEndOfABlockIsCountedOnce) {
  // Words of a length that divides no power of two: each block's end cuts one somewhere else.
  std::string content;
  std::uint64_t words = 0;
  for (; content.size() < kManyBlocks; ++words) content += "abcdefghij ";
  const ScratchFolder folder;
  EXPECT_THAT(text::top_words(folder.write("file", content), 5), ElementsAre(Word{"abcdefghij", words}));
}

TEST(Text, ARunTooLongForAWordIsLeftOutAlone) {
  const std::string longest(1024, 'a');
  const ScratchFolder folder;
  EXPECT_THAT(text::top_words(folder.write("file", "x " + longest + "a " + longest + " y"), 5),
              ElementsAre(Word{longest, 1}, Word{"x", 1}, Word{"y", 1}));
}

TEST(Text, EveryTaskRefusesADirectoryAFifoAndAVanishedFile) {
  const ScratchFolder folder;
  const auto fifo = folder.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const auto& path : {folder.path(), fifo, folder.path() / "gone"}) {
    EXPECT_THROW((void)text::word_count(path), std::system_error) << path;
    EXPECT_THROW((void)text::line_count(path), std::system_error) << path;
    EXPECT_THROW((void)text::top_words(path, {}), std::system_error) << path;
  }
}

}  // namespace
