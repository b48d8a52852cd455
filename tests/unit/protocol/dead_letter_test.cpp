#include "protocol/dead_letter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "bulkhead/error.hpp"

namespace bulkhead::protocol {
namespace {

namespace fs = std::filesystem;

class DeadLetterTest : public ::testing::Test {
 protected:
  DeadLetterTest() {
    std::string pattern = fs::temp_directory_path() / "bulkhead-letters-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    folder_ = pattern;
  }
  ~DeadLetterTest() override { fs::remove_all(folder_); }

  static DeadLetter letter(std::int64_t when = 1'700'000'000'000) {
    return {.task = "shop.price",
            .plugin_path = "build/shop.so",
            .plugin_sha256 = std::string(64, 'a'),
            .plugin_config = R"({"model":"small"})",
            .manifest = "bulkhead.toml",
            .engine_build = "0.1.0+x",
            .codec = 1,
            .attempt = 2,
            .item = 17,
            .worker_pid = 4711,
            .died_unix_ms = when,
            .why = "killed by signal 11",
            .backtrace = "#0 price",
            .arguments = std::vector<std::byte>(1000, std::byte{7})};
  }
  [[nodiscard]] std::vector<std::string> names(const fs::path& folder) const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder)) found.push_back(entry.path().filename());
    std::sort(found.begin(), found.end());
    return found;
  }
  fs::path folder_;
};

TEST_F(DeadLetterTest, ComesBackAsItWasKept) {
  const auto file = keep_dead_letter(folder_ / "deep" / "letters", letter(), 10);
  const auto read = read_dead_letter(file);
  EXPECT_EQ(read.task, "shop.price");
  EXPECT_EQ(read.plugin_path, "build/shop.so");
  EXPECT_EQ(read.plugin_sha256, std::string(64, 'a'));
  EXPECT_EQ(read.plugin_config, R"({"model":"small"})");
  EXPECT_EQ(read.manifest, "bulkhead.toml");
  EXPECT_EQ(read.engine_build, "0.1.0+x");
  EXPECT_EQ(read.codec, 1);
  EXPECT_EQ(read.attempt, 2u);
  EXPECT_EQ(read.item, 17u);
  EXPECT_EQ(read.worker_pid, 4711);
  EXPECT_EQ(read.died_unix_ms, 1'700'000'000'000);
  EXPECT_EQ(read.why, "killed by signal 11");
  EXPECT_EQ(read.backtrace, "#0 price");
  EXPECT_EQ(read.arguments, letter().arguments);
}

TEST_F(DeadLetterTest, IsForItsOwnerOnlyWhateverTheUmask) {
  const auto before = ::umask(0);
  const auto file = keep_dead_letter(folder_ / "letters", letter(), 10);
  keep_dead_letter(folder_ / "others/", letter(), 10);
  ::umask(before);
  struct stat about {};
  ASSERT_EQ(::stat(file.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777u, 0600u);
  for (const char* const folder : {"letters", "others"}) {
    ASSERT_EQ(::stat((folder_ / folder).c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 07777u, 0700u) << folder;
  }
}

TEST_F(DeadLetterTest, OfMoreThanTheMostTheOldestGo) {
  std::ofstream(folder_ / "something else") << "x";
  for (std::int64_t i = 0; i < 5; ++i) keep_dead_letter(folder_, letter(1000 + i), 3);
  const auto left = names(folder_);
  ASSERT_EQ(left.size(), 4u);
  EXPECT_THAT(left[0], ::testing::StartsWith("000000000001002-"));
  EXPECT_THAT(left[2], ::testing::EndsWith("shop.price.letter"));
  EXPECT_EQ(left[3], "something else");
}

TEST_F(DeadLetterTest, IsRefusedWhenItIsNone) {
  std::ofstream(folder_ / "text") << "hello\n";
  EXPECT_THROW((void)read_dead_letter(folder_ / "text"), PayloadError);
  std::ofstream(folder_ / "empty");
  EXPECT_THROW((void)read_dead_letter(folder_ / "empty"), PayloadError);
  EXPECT_THROW((void)read_dead_letter(folder_), PayloadError);
  EXPECT_THROW((void)read_dead_letter(folder_ / "missing"), ResourceError);
  ASSERT_EQ(::mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  EXPECT_THROW((void)read_dead_letter(folder_ / "fifo"), PayloadError);
}

TEST_F(DeadLetterTest, IsRefusedWhereverItWasCutOff) {
  const auto file = keep_dead_letter(folder_, letter(), 10);
  const auto size = fs::file_size(file);
  for (auto left = size; left-- > 0;) {
    fs::resize_file(file, left);
    EXPECT_THROW((void)read_dead_letter(file), PayloadError) << left;
  }
}

TEST_F(DeadLetterTest, CannotBeKeptWhereThereIsNoFolder) {
  std::ofstream(folder_ / "file") << "x";
  EXPECT_THROW((void)keep_dead_letter(folder_ / "file" / "letters", letter(), 10), ResourceError);
  EXPECT_EQ(names(folder_), std::vector<std::string>{"file"});
}

}  // namespace
}  // namespace bulkhead::protocol
