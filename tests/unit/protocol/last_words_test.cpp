#include "protocol/last_words.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace bulkhead::protocol {
namespace {

struct Memory {
  std::vector<std::uint64_t> words = std::vector<std::uint64_t>(ipc::kLastWordsBytes / 8);
  [[nodiscard]] std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(words)); }
  [[nodiscard]] LastWords& get() { return last_words_in(bytes()); }
  [[nodiscard]] ReadLastWords read() { return read_last_words(bytes()); }
};

template <std::size_t kSize>
void put(std::array<char, kSize>& to, const std::string& text) {
  std::memcpy(to.data(), text.data(), text.size());
}

TEST(LastWords, SayNothingOfAWorkerThatWroteNone) {
  Memory memory;
  const auto read = memory.read();
  EXPECT_EQ(read.signal, 0);
  EXPECT_TRUE(read.frames.empty());
  EXPECT_EQ(read.termination, Termination::kNone);
}

TEST(LastWords, ComeBackAsTheyWereWritten) {
  Memory memory;
  auto& words = memory.get();
  words.crash.signal = 11;
  words.crash.code = 1;
  words.crash.address = 0x18;
  words.crash.frames[0] = {.address = 0x1234, .module = 0};
  words.crash.frames[1] = {.address = 0x99, .module = kNoModule};
  words.crash.frame_count = 2;
  words.crash.modules[0].base = 0x1000;
  words.crash.modules[0].plugin = 3;
  put(words.crash.modules[0].name, "/lib/x.so");
  words.crash.module_count = 1;
  words.terminate.kind = static_cast<std::uint32_t>(Termination::kOutOfNoexcept);
  put(words.terminate.type, "St12domain_error");
  put(words.terminate.text, "no");
  const auto read = memory.read();
  EXPECT_EQ(read.signal, 11);
  EXPECT_EQ(read.address, 0x18u);
  ASSERT_EQ(read.frames.size(), 2u);
  EXPECT_EQ(read.frames[0].module, 0u);
  EXPECT_FALSE(read.frames[1].module);
  ASSERT_EQ(read.modules.size(), 1u);
  EXPECT_EQ(read.modules[0].plugin, 3u);
  EXPECT_EQ(read.modules[0].name, "/lib/x.so");
  EXPECT_EQ(read.termination, Termination::kOutOfNoexcept);
  EXPECT_EQ(read.exception_type, "St12domain_error");
  EXPECT_EQ(read.exception_text, "no");
}

TEST(LastWords, CountNoMoreThanThereCanBe) {
  Memory memory;
  auto& words = memory.get();
  words.crash.signal = 6;
  words.crash.frame_count = 0xffffffff;
  words.crash.module_count = 0xffffffff;
  words.crash.frames[0].module = kMaxModules;
  const auto read = memory.read();
  EXPECT_EQ(read.frames.size(), kMaxFrames);
  EXPECT_EQ(read.modules.size(), kMaxModules);
  EXPECT_FALSE(read.frames[0].module);
}

TEST(LastWords, TakeATextWithoutAnEndForNone) {
  Memory memory;
  auto& words = memory.get();
  words.crash.signal = 6;
  words.crash.module_count = 1;
  words.crash.modules[0].name.fill('x');
  words.terminate.kind = 2;
  words.terminate.text.fill('x');
  const auto read = memory.read();
  EXPECT_EQ(read.modules[0].name, "");
  EXPECT_EQ(read.exception_text, "");
}

TEST(LastWords, HoldNothingThatATerminalObeys) {
  Memory memory;
  auto& words = memory.get();
  words.terminate.kind = 2;
  put(words.terminate.text, "red\n\x1b[31m");
  const auto read = memory.read();
  EXPECT_EQ(read.exception_text, "red ?[31m");
}

TEST(LastWords, AreReadWhateverTheBytes) {
  std::mt19937 random(20'240'101);
  for (int round = 0; round < 2'000; ++round) {
    Memory memory;
    for (auto& word : memory.words) {
      word = round % 3 == 0 ? ~std::uint64_t{0} : (std::uint64_t{random()} << 32 | random()) >> (random() % 64);
    }
    const auto read = memory.read();
    EXPECT_LE(read.frames.size(), kMaxFrames);
    EXPECT_LE(read.modules.size(), kMaxModules);
    for (const auto& frame : read.frames) {
      if (frame.module) {
        EXPECT_LT(*frame.module, read.modules.size());
      }
    }
  }
}

TEST(LastWords, AreNotReadFromTooFewBytes) {
  const std::vector<std::byte> few(sizeof(LastWords) - 1, std::byte{0xff});
  EXPECT_EQ(read_last_words(few).signal, 0);
}

}  // namespace
}  // namespace bulkhead::protocol
