#include "support/regular_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <system_error>
#include <thread>

#include "unit/plugins/scratch_folder.hpp"

namespace {

using plugin_support::read_blocks;
using plugin_tests::ScratchFolder;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string content_of(const std::filesystem::path& path) {
  std::string content;
  read_blocks(path, [&](std::span<const std::byte> block) {
    EXPECT_FALSE(block.empty());
    content.append(reinterpret_cast<const char*>(block.data()), block.size());
  });
  return content;
}

// The error that reading `path` ends with; no error at all fails the test.
std::system_error error_of_reading(const std::filesystem::path& path) {
  try {
    (void)content_of(path);
  } catch (const std::system_error& error) {
    return error;
  }
  ADD_FAILURE() << "reading " << path << " did not fail";
  return std::system_error(std::error_code());
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

// Runs `act` in a thread that has the file rights of an ordinary user, even if we are root.
void as_ordinary_user(const std::function<void()>& act) {
  std::thread thread([&] {
    constexpr uid_t kNobody = 65534;
    // Of this thread only; with it go root's rights to override permissions.
    if (::geteuid() == 0) (void)::setfsuid(kNobody);
    act();
  });
  thread.join();
}

TEST(RegularFile, AnEmptyFileHasNoBlocks) {
  const ScratchFolder folder;
  EXPECT_EQ(content_of(folder.write("empty", "")), "");
}

TEST(RegularFile, ContentOfManyBlocksArrivesWholeAndInOrder) {
  std::string content;
  for (int i = 0; content.size() < 1'000'003; ++i) content += std::to_string(i) + ' ';
  const ScratchFolder folder;
  EXPECT_TRUE(content_of(folder.write("big", content)) == content);
}

TEST(RegularFile, AFileOfExactlyOneBufferIsReadToItsEnd) {
  const std::string content(plugin_support::read_buffer().size(), 'x');
  const ScratchFolder folder;
  EXPECT_TRUE(content_of(folder.write("exact", content)) == content);
}

TEST(RegularFile, AFileOfTheKernelThatReportsNoSizeIsReadAllTheSame) {
  ASSERT_EQ(std::filesystem::file_size("/proc/self/status"), 0U);
  EXPECT_THAT(content_of("/proc/self/status"), HasSubstr("Pid:"));
}

TEST(RegularFile, ALinkIsFollowedToItsFile) {
  const ScratchFolder folder;
  (void)folder.write("file", "behind the link");
  std::filesystem::create_symlink("file", folder.path() / "link");
  EXPECT_EQ(content_of(folder.path() / "link"), "behind the link");
}

TEST(RegularFile, AFileRemovedWhileItIsReadIsReadToItsEnd) {
  const ScratchFolder folder;
  const auto file = folder.write("file", std::string(300'000, 'x'));
  std::size_t size_bytes = 0;
  read_blocks(file, [&](std::span<const std::byte> block) {
    std::filesystem::remove(file);
    size_bytes += block.size();
  });
  EXPECT_EQ(size_bytes, 300'000U);
}

TEST(RegularFile, AFileThatGrowsOnceItsEndWasReadIsNotReadOn) {
  const ScratchFolder folder;
  const auto file = folder.write("file", "first");
  std::string content;
  read_blocks(file, [&](std::span<const std::byte> block) {
    if (content.empty()) std::ofstream(file, std::ios::app) << "second";
    content.append(reinterpret_cast<const char*>(block.data()), block.size());
  });
  EXPECT_EQ(content, "first");
}

TEST(RegularFile, AFileThatGrowsBetweenTwoBlocksIsReadToItsNewEnd) {
  const std::size_t block_bytes = plugin_support::read_buffer().size();
  const ScratchFolder folder;
  const auto file = folder.write("file", std::string(block_bytes, 'x'));
  std::size_t size_bytes = 0;
  read_blocks(file, [&](std::span<const std::byte> block) {
    if (size_bytes == 0) std::ofstream(file, std::ios::app) << "more";
    size_bytes += block.size();
  });
  EXPECT_EQ(size_bytes, block_bytes + 4);
}

TEST(RegularFile, AFileThatIsCutWhileItIsReadEndsThere) {
  const std::size_t block_bytes = plugin_support::read_buffer().size();
  const ScratchFolder folder;
  const auto file = folder.write("file", std::string(3 * block_bytes, 'x'));
  std::size_t size_bytes = 0;
  read_blocks(file, [&](std::span<const std::byte> block) {
    if (size_bytes == 0) std::filesystem::resize_file(file, block_bytes + 1);
    size_bytes += block.size();
  });
  EXPECT_EQ(size_bytes, block_bytes + 1);
}

TEST(RegularFile, AVanishedFileIsNamedInTheError) {
  const ScratchFolder folder;
  const auto file = folder.path() / "gone";
  const std::system_error error = error_of_reading(file);
  EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
  EXPECT_THAT(error.what(), HasSubstr("cannot open \"" + file.string() + "\""));
}

TEST(RegularFile, AnUnreadableFileIsPermissionDenied) {
  const ScratchFolder folder;
  const auto file = folder.write("secret", "x");
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  std::error_code code;
  as_ordinary_user([&] { code = error_of_reading(file).code(); });
  EXPECT_EQ(code, std::errc::permission_denied);
}

TEST(RegularFile, ADirectoryIsRefusedAsOne) {
  const ScratchFolder folder;
  const std::system_error error = error_of_reading(folder.path());
  EXPECT_EQ(error.code(), std::errc::is_a_directory);
  EXPECT_THAT(error.what(), HasSubstr(folder.path().string()));
}

TEST(RegularFile, AFifoWithoutWriterIsRefusedAtOnce) {
  const ScratchFolder folder;
  const auto fifo = folder.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(error_of_reading(fifo).what(), AllOf(HasSubstr(fifo.string()), HasSubstr("a FIFO")));
}

TEST(RegularFile, AnEndlessDeviceIsRefused) {
  EXPECT_THAT(error_of_reading("/dev/zero").what(), AllOf(HasSubstr("\"/dev/zero\""), HasSubstr("a character device")));
}

TEST(RegularFile, ASocketIsRefused) {
  const ScratchFolder folder;
  const std::string name = (folder.path() / "socket").string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(name.size(), sizeof(address.sun_path));
  std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(fd, 0);
  const int bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  ::close(fd);
  ASSERT_EQ(bound, 0) << std::strerror(errno);
  EXPECT_EQ(error_of_reading(name).code(), std::errc::no_such_device_or_address);
}

TEST(RegularFile, AReadThatFailsIsNamedInTheError) {
  // A regular file whose first bytes nobody can read: no process has memory at address 0.
  const std::system_error error = error_of_reading("/proc/self/mem");
  EXPECT_EQ(error.code(), std::errc::io_error);
  EXPECT_THAT(error.what(), HasSubstr("cannot read \"/proc/self/mem\""));
}

TEST(RegularFile, APathWithANulByteIsRefusedInsteadOfCut) {
  const ScratchFolder folder;
  const auto file = folder.write("file", "x");
  const std::filesystem::path longer(file.string() + std::string("\0.txt", 5));
  EXPECT_EQ(error_of_reading(longer).code(), std::errc::invalid_argument);
}

TEST(RegularFile, NoDescriptorIsLeftOpenByFailures) {
  const ScratchFolder folder;
  const auto fifo = folder.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const std::size_t before = open_descriptors();
  for (const auto& path : {fifo, folder.path(), folder.path() / "gone", std::filesystem::path("/proc/self/mem")}) {
    (void)error_of_reading(path);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(RegularFile, IsReadWholeUpToALimit) {
  const ScratchFolder folder;
  const auto file = folder.write("file", std::string(200'000, 'x'));
  EXPECT_EQ(plugin_support::read_whole(file, 200'000).size(), 200'000u);
  try {
    (void)plugin_support::read_whole(file, 199'999);
    FAIL() << "it was read";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::file_too_large);
    EXPECT_THAT(error.what(), HasSubstr(file.string()));
  }
}

}  // namespace
