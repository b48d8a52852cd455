#include "process/crash_report.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <random>
#include <vector>

#include "process/exit_reason.hpp"
#include "process/worker.hpp"
#include "protocol/last_words.hpp"

namespace bulkhead::process {
namespace {

class CrashReportTest : public ::testing::Test {
 protected:
  CrashReportTest() {
    auto& crash = words().crash;
    crash.signal = SIGSEGV;
    crash.code = SEGV_MAPERR;
    crash.address = 0x18;
    crash.stack_pointer = 0x7fff'0000'0000;
    crash.frames[0] = {.address = 0x1020, .module = 0};
    crash.frame_count = 1;
    crash.modules[0].base = 0x1000;
    crash.modules[0].plugin = 0;
    crash.module_count = 1;
  }

  [[nodiscard]] protocol::LastWords& words() { return protocol::last_words_in(bytes()); }
  [[nodiscard]] std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(memory_)); }
  void name_module(const char* name) {
    words().crash.modules[0].plugin = protocol::kNoPlugin;
    std::strcpy(words().crash.modules[0].name.data(), name);
  }
  [[nodiscard]] CrashReport read(const ExitStatus& status = {.known = true, .signal = SIGSEGV}) {
    return read_crash_report(bytes(), status, plugins_);
  }

  std::vector<std::uint64_t> memory_ = std::vector<std::uint64_t>(ipc::kLastWordsBytes / 8);
  // A plugin whose file has no names.
  std::vector<PluginToLoad> plugins_{{.name = "shop", .shown_path = "lib/shop.so", .fd = -1, .config_json = {}}};
};

TEST_F(CrashReportTest, NamesThePlaceInAFileWithoutNames) {
  const auto report = read();
  ASSERT_EQ(report.backtrace.size(), 1u);
  EXPECT_EQ(report.backtrace[0].file, "lib/shop.so");
  EXPECT_EQ(report.backtrace[0].offset, 0x20u);
  EXPECT_EQ(report.place, "shop.so+0x20");
  EXPECT_EQ(report.address, 0x18u);
  EXPECT_FALSE(report.is_stack_overflow);
}

TEST_F(CrashReportTest, IsNotBelievedOfAnotherSignal) {
  const auto report = read({.known = true, .signal = SIGKILL});
  EXPECT_TRUE(report.backtrace.empty());
  EXPECT_TRUE(report.place.empty());
  EXPECT_FALSE(report.address);
}

TEST_F(CrashReportTest, CountsWhenTheStatusIsUnknown) { EXPECT_EQ(read({}).place, "shop.so+0x20"); }

TEST_F(CrashReportTest, TakesAnAddressBesideTheStackForAFullOne) {
  words().crash.address = 0x7fff'0000'0000 - 8;
  EXPECT_TRUE(read().is_stack_overflow);
}

TEST_F(CrashReportTest, HasNoAddressWhereTheProcessorTellsNone) {
  words().crash.code = SI_KERNEL;
  EXPECT_FALSE(read().address);
  words().crash.code = SI_USER;
  EXPECT_FALSE(read().address);
}

TEST_F(CrashReportTest, ReadsNothingOfThisProcess) {
  name_module("/proc/self/exe");
  EXPECT_EQ(read().backtrace.at(0).symbol, "");
  name_module("/dev/zero");
  EXPECT_EQ(read().backtrace.at(0).symbol, "");
  name_module("relative.so");
  EXPECT_EQ(read().backtrace.at(0).symbol, "");
}

TEST_F(CrashReportTest, IsMadeOfAnyBytes) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 500; ++round) {
    for (auto& word : memory_) word = random() >> (random() % 64);
    words().crash.signal = SIGSEGV;
    EXPECT_LE(read().backtrace.size(), protocol::kMaxFrames);
  }
}

}  // namespace
}  // namespace bulkhead::process
