#include "protocol/output_reader.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <bulkhead/sdk/abi.h>

namespace bulkhead::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::string marked(const OutputMark& mark, std::string_view text = {}) {
  std::array<char, kMaxMarkBytes> bytes;
  return std::string(bytes.data(), write_mark(bytes, mark)) + std::string(text);
}

class OutputReaderTest : public ::testing::Test {
 protected:
  // As a worker would; `reserved` ahead of it when asked.
  void write(std::string_view text, std::uint64_t unpublished = 0) {
    std::uint64_t at = tail_->written;
    for (const char c : text) tail_->bytes[at++ % OutputTail::kSize] = c;
    tail_->reserved = at;
    tail_->written = at - unpublished;
  }
  std::vector<std::string> texts() {
    std::vector<std::string> texts;
    for (const auto& line : lines_) texts.push_back(line.text);
    return texts;
  }

  std::unique_ptr<OutputTail> tail_ = std::make_unique<OutputTail>();
  std::vector<OutputLine> lines_;
  OutputReader reader_{[this](OutputLine line) { lines_.push_back(std::move(line)); }};
};

TEST_F(OutputReaderTest, GivesALineOnceItIsWhole) {
  write("one\ntw");
  reader_.take(*tail_);
  EXPECT_THAT(texts(), ElementsAre("one"));
  write("o\n\r\n\nlast");
  reader_.take(*tail_);
  reader_.take(*tail_);
  EXPECT_THAT(texts(), ElementsAre("one", "two", "", ""));
  reader_.take_last(*tail_, -1, {});
  EXPECT_THAT(texts(), ElementsAre("one", "two", "", "", "last"));
  EXPECT_EQ(reader_.latest(), "one\ntwo\n\n\nlast\n");
}

TEST_F(OutputReaderTest, SaysWhereALineBeganAndWhoLoggedIt) {
  const OutputMark printed{.level = {}, .phase = 5, .task = 3, .attempt = 2, .task_id = 77, .plugin = {}};
  const OutputMark logged{
      .level = BULKHEAD_LOG_INFO, .phase = 5, .task = 4, .attempt = 1, .task_id = 78, .plugin = "img"};
  reader_.feed(marked(printed, "begins ") + marked({.task = 9}, "and ends\n") + marked(logged, "told\n"));
  ASSERT_THAT(lines_, SizeIs(2));
  EXPECT_FALSE(lines_[0].level);
  EXPECT_EQ(lines_[0].text, "begins and ends");
  EXPECT_EQ(lines_[0].task, 3u);
  EXPECT_EQ(lines_[0].attempt, 2u);
  EXPECT_EQ(lines_[0].task_id, 77u);
  EXPECT_EQ(lines_[1].level, BULKHEAD_LOG_INFO);
  EXPECT_EQ(lines_[1].plugin, "img");
  EXPECT_EQ(lines_[1].task, 4u);
  EXPECT_EQ(lines_[1].text, "told");
  EXPECT_EQ(reader_.latest(), "begins and ends\n[img] info told\n");
}

TEST_F(OutputReaderTest, KeepsALogLineApartFromTextWithoutAnEnd) {
  reader_.feed("50 % " + marked({.level = BULKHEAD_LOG_WARN, .plugin = "x"}, "hot\n") + "100 %\n");
  EXPECT_THAT(texts(), ElementsAre("50 % ", "hot", "100 %"));
  EXPECT_FALSE(lines_[2].level);
}

TEST_F(OutputReaderTest, ReadsMarksThatComeInPieces) {
  const std::string all = marked({.level = 3,
                                  .phase = 255,
                                  .task = ~0u,
                                  .attempt = ~0u,
                                  .task_id = ~std::uint64_t{0},
                                  .plugin = std::string(64, 'p')},
                                 "x\n");
  EXPECT_LE(all.size(), kMaxMarkBytes + 2);
  for (const char c : all) reader_.feed({&c, 1});
  ASSERT_THAT(lines_, SizeIs(1));
  EXPECT_EQ(lines_[0].task_id, ~std::uint64_t{0});
  EXPECT_EQ(lines_[0].plugin, std::string(64, 'p'));
  EXPECT_EQ(lines_[0].phase, 255);
}

TEST_F(OutputReaderTest, TakesForTextWhatIsNoMark) {
  reader_.feed(
      "a\x1e"
      "b c\x1f"
      "d\n\x1e\n" +
      std::string(300, 'e') + "\n");
  EXPECT_EQ(lines_.at(0).text, "a\\x1eb cd");
  // What began as a mark is text once it is too long for one.
  EXPECT_THAT(lines_.at(1).text, StartsWith("\\x1e\\x0aeee"));
}

TEST_F(OutputReaderTest, MakesEverythingPrintable) {
  EXPECT_EQ(printable_text("tab\t \x1b[31m\a\x7f"), "tab\t \\x1b[31m\\x07\\x7f");
  EXPECT_EQ(printable_text("zß水🍌"), "zß水🍌");
  EXPECT_EQ(printable_text("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(printable_text("\xc0\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80") << "overlong, surrogate";
  EXPECT_EQ(printable_text("\xc2\x9b"
                           "1m"),
            "\\xc2\\x9b1m")
      << "a terminal's escape in one character";
  EXPECT_EQ(printable_text(std::string_view("\0", 1)), "\\x00");
}

TEST_F(OutputReaderTest, CutsALongLineBetweenCharacters) {
  std::string text(OutputReader::kMaxLineBytes - 1, 'x');
  reader_.feed(text + "ß" + text + text + "\n");
  ASSERT_THAT(lines_, SizeIs(3));
  EXPECT_EQ(lines_[0].text, text + "…");
  EXPECT_THAT(lines_[1].text, StartsWith("ßxxx"));
  std::string all;
  for (const auto& line : lines_) all += line.text;
  EXPECT_EQ(std::count(all.begin(), all.end(), 'x'), 3 * static_cast<std::ptrdiff_t>(text.size()));
}

TEST_F(OutputReaderTest, CountsWhatWasOverwritten) {
  std::string all;
  for (int i = 0; all.size() < 3 * OutputTail::kSize; ++i) all += "line " + std::to_string(i) + "\n";
  write("before\nhalf a ");
  reader_.take(*tail_);
  write(all);
  reader_.take(*tail_);
  EXPECT_EQ(reader_.lost_bytes(), all.size() - OutputTail::kSize);
  // What the loss cut in two is given as far as it goes, or not at all.
  EXPECT_EQ(lines_.at(1).text, "half a ");
  EXPECT_THAT(lines_.at(2).text, StartsWith("line "));
  EXPECT_TRUE(all.ends_with("\n" + lines_.back().text + "\n"));
  const std::string first = "\n" + lines_[2].text + "\n" + lines_[3].text + "\n";
  EXPECT_NE(all.find(first), std::string::npos);
}

TEST_F(OutputReaderTest, LeavesOutWhatIsBeingOverwritten) {
  write(std::string(OutputTail::kSize - 2, 'a') + "\n\n");
  tail_->reserved = tail_->written + 100;  // the worker is at it
  reader_.take(*tail_);
  EXPECT_EQ(reader_.lost_bytes(), 100u);
}

TEST_F(OutputReaderTest, FindsWhatADeadWorkerHadReadAndNotToldOf) {
  write("told\nnot told\n", 9);
  reader_.take(*tail_);
  EXPECT_THAT(texts(), ElementsAre("told"));
  reader_.take_last(*tail_, -1, {});
  EXPECT_THAT(texts(), ElementsAre("told", "not told"));
}

TEST_F(OutputReaderTest, TakesZerosThatWereOnlyReservedForNothing) {
  write(std::string("told\n") + std::string(9, '\0'), 9);
  reader_.take_last(*tail_, -1, {});
  EXPECT_THAT(texts(), ElementsAre("told"));
}

TEST_F(OutputReaderTest, ReadsTheRestOfThePipeWithoutWaitingForItsEnd) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  ASSERT_EQ(::write(ends[1], "dead\nsilence", 12), 12);
  write("alive\n");
  reader_.take_last(*tail_, ends[0], {.phase = 5, .task = 6, .attempt = 1});
  EXPECT_THAT(texts(), ElementsAre("alive", "dead", "silence"));
  EXPECT_EQ(lines_[2].task, 6u);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(OutputReaderTest, KeepsWholeLinesOfTheLatest) {
  for (int i = 0; i < 2000; ++i) reader_.feed("line " + std::to_string(i) + "\n");
  EXPECT_LE(reader_.latest().size(), 4096u);
  EXPECT_THAT(reader_.latest(), StartsWith("line 1"));
  EXPECT_TRUE(reader_.latest().ends_with("\nline 1999\n"));
  reader_.feed(std::string(4000, '\x01') + "\n");
  EXPECT_LE(reader_.latest().size(), 4096u);
}

TEST_F(OutputReaderTest, TakesWhateverTheBytes) {
  std::mt19937 random(20'240'102);
  const auto number = [&] { return (std::uint64_t{random()} << 32 | random()) >> (random() % 64); };
  std::size_t bytes = 0;
  OutputReader reader([&](const OutputLine& line) {
    EXPECT_EQ(line.text, printable_text(line.text));
    bytes += line.text.size();
  });
  for (int round = 0; round < 300; ++round) {
    for (std::size_t i = 0; i < OutputTail::kSize; i += 1 + random() % 64) {
      tail_->bytes[i] = "\x1e\x1f\n -0a\xff"[random() % 8];
    }
    tail_->written = number();
    tail_->reserved = number();
    bytes = 0;
    if (round % 3 == 0) {
      reader.take_last(*tail_, -1, {});
    } else {
      reader.take(*tail_);
    }
    EXPECT_LE(bytes, 8 * OutputTail::kSize);
    EXPECT_LE(reader.latest().size(), 4096u);
  }
  tail_->written = std::numeric_limits<std::uint64_t>::max();
  reader.take(*tail_);
}

}  // namespace
}  // namespace bulkhead::protocol
