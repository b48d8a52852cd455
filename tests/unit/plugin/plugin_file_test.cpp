#include "plugin/plugin_file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "plugin/private_copy.hpp"
#include "plugin/sha256.hpp"
#include "plugin_testing.hpp"

namespace bulkhead::plugin {
namespace {

using Reason = PluginError::Reason;
using testing::HasSubstr;

CaughtPluginError error_of(const std::filesystem::path& path, const std::optional<std::string>& pin = {}) {
  return plugin_error_of([&] { (void)PluginFile::open(path, pin); });
}

std::string bytes_behind(int fd) {
  std::string bytes(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  EXPECT_EQ(::pread(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  return bytes;
}

TEST(PluginFile, TellsWhatTheFileOffers) {
  const PluginFile file = PluginFile::open(malformed_plugin("plain"));
  EXPECT_EQ(file.entry().name, "plain");
  EXPECT_EQ(file.entry().version, "1.2.3");
  ASSERT_EQ(file.entry().tasks.size(), 2U);
  EXPECT_EQ(file.entry().tasks[0].name, "plain.add");
  EXPECT_EQ(file.path(), malformed_plugin("plain").string());
}

TEST(PluginFile, RunsNoneOfTheFilesCode) {
  EXPECT_EQ(PluginFile::open(malformed_plugin("aborts_on_load")).entry().name, "aborts_on_load");
}

TEST(PluginFile, KeepsACopyThatNobodyCanChange) {
  const PluginFile file = PluginFile::open(malformed_plugin("plain"));
  ASSERT_TRUE(file.is_private_copy());
  EXPECT_TRUE(is_private_copy(file.fd()));
  EXPECT_EQ(bytes_behind(file.fd()), bytes_of(malformed_plugin("plain")));
  EXPECT_LT(::pwrite(file.fd(), "x", 1, 0), 0);
  EXPECT_NE(::ftruncate(file.fd(), 0), 0);
  EXPECT_NE(::ftruncate(file.fd(), 1 << 24), 0);
  EXPECT_EQ(::mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0), MAP_FAILED);
  EXPECT_NE(::fcntl(file.fd(), F_ADD_SEALS, F_SEAL_WRITE), 0);
}

TEST(PluginFile, KeepsItsBytesWhenTheFileIsOverwritten) {
  const ScratchFolder folder;
  const std::string bytes = bytes_of(malformed_plugin("plain"));
  const auto path = folder.write("plain.so", bytes);
  const PluginFile file = PluginFile::open(path);
  folder.write("plain.so", "something else");
  EXPECT_EQ(bytes_behind(file.fd()), bytes);
}

TEST(PluginFile, ClosesItsDescriptorOnExec) {
  const PluginFile file = PluginFile::open(malformed_plugin("plain"));
  EXPECT_NE(::fcntl(file.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(PluginFile, IsTheFileItselfForARunPathToItsFolder) {
  const PluginFile file = PluginFile::open(malformed_plugin("origin"));
  EXPECT_FALSE(file.is_private_copy());
  EXPECT_FALSE(is_private_copy(file.fd()));
  EXPECT_EQ(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file.fd())),
            std::filesystem::canonical(malformed_plugin("origin")));
}

TEST(PluginFile, TellsAMissingFile) {
  const auto error = error_of("nowhere/there.so");
  EXPECT_EQ(error.reason, Reason::kMissing);
  EXPECT_EQ(error.text,
            "cannot use plugin \"nowhere/there.so\": there is no such file (build it, or correct "
            "the path)");
  EXPECT_EQ(error_of(std::string(5000, 'x')).reason, Reason::kMissing);
}

TEST(PluginFile, TellsAFileThatMayNotBeRead) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  const ScratchFolder folder;
  const auto path = folder.write("plain.so", bytes_of(malformed_plugin("plain")));
  ::chmod(path.c_str(), 0);
  EXPECT_EQ(error_of(path).reason, Reason::kPermission);
}

TEST(PluginFile, RefusesASymbolicLinkAndNamesItsTarget) {
  const ScratchFolder folder;
  std::filesystem::create_symlink(malformed_plugin("plain"), folder.path() / "link.so");
  const auto error = error_of(folder.path() / "link.so");
  EXPECT_EQ(error.reason, Reason::kNotRegular);
  EXPECT_THAT(error.text, HasSubstr("it is a symbolic link"));
  EXPECT_THAT(error.text, HasSubstr(malformed_plugin("plain").string()));
}

TEST(PluginFile, FollowsSymbolicLinksBeforeTheLastPart) {
  const ScratchFolder folder;
  std::filesystem::create_symlink(malformed_plugin("plain").parent_path(), folder.path() / "dir");
  EXPECT_EQ(PluginFile::open(folder.path() / "dir" / "plain.so").entry().name, "plain");
}

TEST(PluginFile, RefusesWhatIsNotARegularFileWithoutWaiting) {
  const ScratchFolder folder;
  EXPECT_EQ(error_of(folder.path()).reason, Reason::kNotRegular);
  EXPECT_EQ(error_of("/dev/null").reason, Reason::kNotRegular);
  const auto fifo = folder.path() / "fifo.so";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(error_of(fifo).reason, Reason::kNotRegular);
}

TEST(PluginFile, RefusesASocket) {
  const ScratchFolder folder;
  const std::string path = (folder.path() / "s").string();
  const support::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(error_of(path).reason, Reason::kNotRegular);
}

TEST(PluginFile, RefusesAHugeFileUnread) {
  const ScratchFolder folder;
  const auto path = folder.write("huge.so", "");
  // Sparse: it takes no room on the disk.
  ASSERT_EQ(::truncate(path.c_str(), static_cast<off_t>(PluginFile::kMaxBytes) + 1), 0);
  EXPECT_THAT(error_of(path).text, HasSubstr("larger than 1GiB"));
}

TEST(PluginFile, RefusesAnEmptyFileAndText) {
  const ScratchFolder folder;
  EXPECT_EQ(error_of(folder.write("empty.so", "")).reason, Reason::kNotElf);
  EXPECT_EQ(error_of(folder.write("text.so", "int main() {}\n")).reason, Reason::kNotElf);
}

TEST(PluginFile, RefusesALibraryThatIsNoPlugin) {
  const auto error = error_of(malformed_plugin("not_a_plugin"));
  EXPECT_EQ(error.reason, Reason::kNotAPlugin);
  EXPECT_THAT(error.text, HasSubstr("build it with bulkhead_add_plugin"));
}

TEST(PluginFile, RefusesAnotherAbiAndUnknownRequiredFeatures) {
  EXPECT_EQ(error_of(malformed_plugin("wrong_abi")).reason, Reason::kWrongAbi);
  EXPECT_EQ(error_of(malformed_plugin("required_flag")).reason, Reason::kWrongAbi);
}

TEST(PluginFile, AcceptsANewerSdkOfTheSameMajorNumber) {
  const PluginFile file = PluginFile::open(malformed_plugin("newer_sdk"));
  EXPECT_EQ(file.entry().abi_minor, 7U);
  EXPECT_EQ(file.entry().tasks.size(), 2U);
}

TEST(PluginFile, AcceptsItsPinInEitherCase) {
  std::string pin = PluginFile::open(malformed_plugin("plain")).sha256();
  EXPECT_EQ(PluginFile::open(malformed_plugin("plain"), pin).sha256(), pin);
  std::ranges::transform(pin, pin.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  EXPECT_NO_THROW((void)PluginFile::open(malformed_plugin("plain"), pin));
}

TEST(PluginFile, RefusesAnotherPinAndTellsBothHashes) {
  const std::string found = PluginFile::open(malformed_plugin("plain")).sha256();
  const std::string pin(64, 'a');
  const auto error = error_of(malformed_plugin("plain"), pin);
  EXPECT_EQ(error.reason, Reason::kHashMismatch);
  EXPECT_THAT(error.text, HasSubstr(found));
  EXPECT_THAT(error.text, HasSubstr(pin));
  EXPECT_EQ(error_of(malformed_plugin("plain"), "short").reason, Reason::kHashMismatch);
}

TEST(PluginFile, LeavesNoDescriptorBehindWhenItRefuses) {
  const auto open_descriptors = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
  const auto before = open_descriptors();
  (void)error_of(malformed_plugin("wrong_abi"));
  (void)error_of(malformed_plugin("plain"), std::string(64, 'a'));
  EXPECT_EQ(open_descriptors(), before);
}

TEST(Sha256, IsTheStandardsOwnExample) {
  constexpr std::string_view kText = "abc";
  EXPECT_EQ(sha256_hex(std::as_bytes(std::span(kText))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace bulkhead::plugin
