#include "ipc/control_socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "bulkhead/error.hpp"
#include "ring_fixture.hpp"

namespace bulkhead::ipc {
namespace {

using std::chrono::milliseconds;
using support::Deadline;
using support::UniqueFd;
using testing::bytes_of;
using Sent = ControlSocket::Sent;
using Received = ControlSocket::Received;

const Deadline kForEver = Deadline::never();

std::ptrdiff_t open_descriptors() { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); }

class ControlSocketPair : public ::testing::Test {
 protected:
  ControlSocketPair() : ControlSocketPair(ControlSocket::pair()) {}
  explicit ControlSocketPair(std::pair<ControlSocket, ControlSocket> ends)
      : ours_(std::move(ends.first)), theirs_(std::in_place, std::move(ends.second)) {}

  ControlSocket ours_;
  std::optional<ControlSocket> theirs_;
  std::vector<std::byte> bytes_;
  std::vector<UniqueFd> fds_;
};

TEST_F(ControlSocketPair, CarriesWholeMessagesInOrder) {
  ASSERT_EQ(ours_.send(bytes_of(1, 10), {}, kForEver), Sent::kSent);
  ASSERT_EQ(ours_.send(bytes_of(2, 1000), {}, kForEver), Sent::kSent);
  ASSERT_EQ(theirs_->receive(bytes_, fds_, kForEver), Received::kReceived);
  EXPECT_EQ(bytes_, bytes_of(1, 10));
  EXPECT_TRUE(fds_.empty());
  ASSERT_EQ(theirs_->receive(bytes_, fds_, kForEver), Received::kReceived);
  EXPECT_EQ(bytes_, bytes_of(2, 1000));
}

TEST_F(ControlSocketPair, CarriesTheLargestMessageWithAllDescriptors) {
  const std::vector<int> sent(ControlSocket::kMaxDescriptors, STDERR_FILENO);
  ASSERT_EQ(ours_.send(bytes_of(1, ControlSocket::kMaxMessageBytes), sent, kForEver), Sent::kSent);
  ASSERT_EQ(theirs_->receive(bytes_, fds_, kForEver), Received::kReceived);
  EXPECT_EQ(bytes_, bytes_of(1, ControlSocket::kMaxMessageBytes));
  EXPECT_EQ(fds_.size(), ControlSocket::kMaxDescriptors);
}

TEST_F(ControlSocketPair, DescriptorsArriveOpenAndClosedOnExec) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  ASSERT_EQ(ours_.send(bytes_of(1, 1), std::array{write_end.get()}, kForEver), Sent::kSent);
  ASSERT_EQ(theirs_->receive(bytes_, fds_, kForEver), Received::kReceived);
  ASSERT_EQ(fds_.size(), 1U);
  EXPECT_NE(::fcntl(fds_[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(::write(fds_[0].get(), "x", 1), 1);
  char got = 0;
  EXPECT_EQ(::read(read_end.get(), &got, 1), 1);
  EXPECT_EQ(got, 'x');
}

TEST_F(ControlSocketPair, ReceivesNothingWhenNothingIsThere) {
  EXPECT_EQ(theirs_->try_receive(bytes_, fds_), Received::kDeadlinePassed);
  EXPECT_EQ(theirs_->receive(bytes_, fds_, Deadline::after(milliseconds(5))), Received::kDeadlinePassed);
}

TEST_F(ControlSocketPair, ReceivesWhatTheDeadSaidBeforeTheirEnd) {
  ASSERT_EQ(theirs_->send(bytes_of(1, 10), {}, kForEver), Sent::kSent);
  theirs_.reset();
  EXPECT_EQ(ours_.receive(bytes_, fds_, kForEver), Received::kReceived);
  EXPECT_EQ(ours_.receive(bytes_, fds_, kForEver), Received::kPeerGone);
  EXPECT_EQ(ours_.try_receive(bytes_, fds_), Received::kPeerGone);
}

TEST_F(ControlSocketPair, ReceivesWhatTheDeadSaidThoughTheyLeftMessagesUnread) {
  ASSERT_EQ(ours_.send(bytes_of(1, 10), {}, kForEver), Sent::kSent);
  ASSERT_EQ(theirs_->send(bytes_of(2, 10), {}, kForEver), Sent::kSent);
  theirs_.reset();
  ASSERT_EQ(ours_.receive(bytes_, fds_, kForEver), Received::kReceived);
  EXPECT_EQ(bytes_, bytes_of(2, 10));
  EXPECT_EQ(ours_.receive(bytes_, fds_, kForEver), Received::kPeerGone);
}

TEST_F(ControlSocketPair, SendingToTheDeadIsAResultNotASignal) {
  theirs_.reset();
  EXPECT_EQ(ours_.send(bytes_of(1, 10), {}, kForEver), Sent::kPeerGone);
}

TEST_F(ControlSocketPair, WakesWhenThePeerGoesWhileWaiting) {
  std::thread peer([this] { theirs_.reset(); });
  EXPECT_EQ(ours_.receive(bytes_, fds_, kForEver), Received::kPeerGone);
  peer.join();
}

TEST_F(ControlSocketPair, SendingGivesUpAtTheDeadlineWhenNobodyReads) {
  Sent outcome = Sent::kSent;
  int messages = 0;
  while (outcome == Sent::kSent && ++messages < 10'000) {
    outcome = ours_.send(bytes_of(1, 60'000), {}, Deadline::after(milliseconds(5)));
  }
  EXPECT_EQ(outcome, Sent::kDeadlinePassed);
  ASSERT_EQ(theirs_->receive(bytes_, fds_, kForEver), Received::kReceived);
  EXPECT_EQ(bytes_, bytes_of(1, 60'000));
}

TEST_F(ControlSocketPair, RefusesToSendWhatCannotBeReceived) {
  EXPECT_THROW((void)ours_.send({}, {}, kForEver), UsageError);
  EXPECT_THROW((void)ours_.send(bytes_of(1, ControlSocket::kMaxMessageBytes + 1), {}, kForEver), UsageError);
  const std::vector<int> many(ControlSocket::kMaxDescriptors + 1, STDERR_FILENO);
  EXPECT_THROW((void)ours_.send(bytes_of(1, 1), many, kForEver), UsageError);
}

TEST_F(ControlSocketPair, AMessageThatIsTooLargeIsMalformed) {
  const auto huge = bytes_of(1, ControlSocket::kMaxMessageBytes + 1);
  ASSERT_EQ(::send(ours_.fd(), huge.data(), huge.size(), 0), static_cast<ssize_t>(huge.size()));
  EXPECT_EQ(theirs_->receive(bytes_, fds_, kForEver), Received::kMalformed);
  EXPECT_TRUE(bytes_.empty());
}

TEST_F(ControlSocketPair, TooManyDescriptorsAreMalformedAndNoneLeaks) {
  constexpr std::size_t kMany = ControlSocket::kMaxDescriptors + 20;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMany * sizeof(int))> control{};
  char content = 'x';
  iovec part{.iov_base = &content, .iov_len = 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(kMany * sizeof(int));
  for (std::size_t i = 0; i < kMany; ++i) {
    const int fd = STDERR_FILENO;
    std::memcpy(CMSG_DATA(header) + i * sizeof fd, &fd, sizeof fd);
  }
  ASSERT_EQ(::sendmsg(ours_.fd(), &message, 0), 1);
  const auto before = open_descriptors();
  EXPECT_EQ(theirs_->receive(bytes_, fds_, kForEver), Received::kMalformed);
  EXPECT_TRUE(fds_.empty());
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(ControlSocketPair, BothEndsAreClosedOnExec) {
  EXPECT_NE(::fcntl(ours_.fd(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(theirs_->fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(ControlSocketPair, AttachTakesOnlySequencedPackets) {
  auto end = ControlSocket::attach(theirs_->release());
  ASSERT_EQ(ours_.send(bytes_of(1, 3), {}, kForEver), Sent::kSent);
  EXPECT_EQ(end.try_receive(bytes_, fds_), Received::kReceived);
  EXPECT_THROW((void)ControlSocket::attach(UniqueFd(::open("/dev/null", O_RDWR))), UsageError);
  EXPECT_THROW((void)ControlSocket::attach(UniqueFd(::socket(AF_UNIX, SOCK_STREAM, 0))), UsageError);
}

}  // namespace
}  // namespace bulkhead::ipc
