#include "ipc/shared_segment.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "bulkhead/error.hpp"

namespace bulkhead::ipc {
namespace {

using ::testing::HasSubstr;

support::UniqueFd dup_fd(const SharedSegment& segment) { return support::UniqueFd(::dup(segment.fd())); }

bool can_map_writable(int fd) {
  void* view = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (view == MAP_FAILED) return false;
  ::munmap(view, 4096);
  return true;
}

TEST(SharedSegment, IsZeroFilledWholePages) {
  const auto segment = SharedSegment::create("test", 5000, Seal::kPlain);
  EXPECT_EQ(segment.bytes().size(), 8192U);
  EXPECT_TRUE(std::ranges::all_of(segment.bytes(), [](std::byte byte) { return byte == std::byte{0}; }));
}

TEST(SharedSegment, BothSidesSeeOneMemory) {
  const auto ours = SharedSegment::create("test", 4096, Seal::kPlain);
  const auto theirs = SharedSegment::attach(dup_fd(ours), 4096, Access::kReadWrite);
  ours.bytes()[1] = std::byte{11};
  theirs.bytes()[2] = std::byte{22};
  EXPECT_EQ(theirs.bytes()[1], std::byte{11});
  EXPECT_EQ(ours.bytes()[2], std::byte{22});
}

TEST(SharedSegment, NobodyCanChangeItsSize) {
  const auto segment = SharedSegment::create("test", 8192, Seal::kPlain);
  EXPECT_EQ(::ftruncate(segment.fd(), 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(segment.fd(), 1 << 20), -1);
  EXPECT_EQ(::fcntl(segment.fd(), F_ADD_SEALS, F_SEAL_WRITE), -1) << "the seals are sealed";
}

TEST(SharedSegment, OnlyTheHostWritesWhatIsSealedSo) {
  const auto ours = SharedSegment::create("test", 4096, Seal::kHostWritesOnly);
  EXPECT_FALSE(can_map_writable(ours.fd()));
  EXPECT_THROW((void)SharedSegment::attach(dup_fd(ours), 4096, Access::kReadWrite), ResourceError);
  const auto theirs = SharedSegment::attach(dup_fd(ours), 4096, Access::kReadOnly);
  EXPECT_EQ(::mprotect(theirs.bytes().data(), 4096, PROT_READ | PROT_WRITE), -1);
  ours.bytes()[0] = std::byte{5};
  EXPECT_EQ(theirs.bytes()[0], std::byte{5});
}

TEST(SharedSegment, ThePeerWritesWhatIsMadeForIt) {
  const auto ours = SharedSegment::create_for_peer("test", 4096);
  const auto theirs = SharedSegment::attach(dup_fd(ours), 4096, Access::kReadWrite);
  theirs.bytes()[0] = std::byte{9};
  EXPECT_EQ(ours.bytes()[0], std::byte{9});
}

TEST(SharedSegment, IsClosedOnExec) {
  const auto segment = SharedSegment::create("test", 4096, Seal::kPlain);
  EXPECT_NE(::fcntl(segment.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(SharedSegment, SaysWhatItNeededWhenMemoryRunsOut) {
  try {
    (void)SharedSegment::create("huge", std::uint64_t{1} << 62, Seal::kPlain);
    FAIL() << "reserved 4 EiB, which no machine has";
  } catch (const ResourceError& error) {
    EXPECT_EQ(error.info().resource, "memory");
    EXPECT_EQ(error.info().need, std::uint64_t{1} << 62);
    EXPECT_THAT(error.what(), HasSubstr("\"huge\""));
  }
}

TEST(SharedSegment, AttachRefusesAnotherSize) {
  const auto segment = SharedSegment::create("test", 4096, Seal::kPlain);
  EXPECT_THROW((void)SharedSegment::attach(dup_fd(segment), 8192, Access::kReadOnly), UsageError);
}

TEST(SharedSegment, AttachRefusesMemoryThatCanShrink) {
  support::UniqueFd fd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(fd.get(), 4096), 0);
  EXPECT_THROW((void)SharedSegment::attach(std::move(fd), 4096, Access::kReadOnly), UsageError);
}

TEST(SharedSegment, AttachRefusesWhatIsNotMemory) {
  support::UniqueFd fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_THROW((void)SharedSegment::attach(std::move(fd), 4096, Access::kReadOnly), UsageError);
  EXPECT_THROW((void)SharedSegment::attach(support::UniqueFd(), 4096, Access::kReadOnly), UsageError);
}

TEST(SharedSegment, MovingKeepsTheMapping) {
  auto first = SharedSegment::create("test", 4096, Seal::kPlain);
  const auto* address = first.bytes().data();
  const SharedSegment second = std::move(first);
  EXPECT_EQ(second.bytes().data(), address);
  second.bytes()[0] = std::byte{1};
}

}  // namespace
}  // namespace bulkhead::ipc
