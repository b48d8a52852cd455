#include "protocol/outbox.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <utility>

namespace bulkhead::protocol {
namespace {

using ipc::ControlSocket;
using State = Outbox::State;
using Received = ControlSocket::Received;

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest() : OutboxTest(ControlSocket::pair()) {}
  explicit OutboxTest(std::pair<ControlSocket, ControlSocket> ends)
      : ours_(std::move(ends.first)), theirs_(std::in_place, std::move(ends.second)) {}

  void limit_room(int bytes) { ASSERT_EQ(::setsockopt(ours_.fd(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0); }
  // Sends messages of one byte, counting up, until one has to wait; how many went.
  unsigned fill() {
    unsigned sent = 0;
    while (outbox_.send(ours_, {static_cast<std::byte>(sent)}) == State::kEmpty) ++sent;
    return sent;
  }

  ControlSocket ours_;
  std::optional<ControlSocket> theirs_;
  Outbox outbox_;
  std::vector<std::byte> bytes_;
  std::vector<support::UniqueFd> fds_;
};

TEST_F(OutboxTest, KeepsWhatDoesNotFitAndSendsItInOrder) {
  limit_room(4096);
  const unsigned sent = fill();
  EXPECT_FALSE(outbox_.is_empty());
  EXPECT_EQ(outbox_.trouble(), "") << "the peer only has to read";
  EXPECT_EQ(outbox_.send(ours_, {std::byte{254}}, std::array{STDERR_FILENO}), State::kWaiting);
  unsigned received = 0;
  for (State state = State::kWaiting; state != State::kEmpty; state = outbox_.flush(ours_)) {
    ASSERT_EQ(theirs_->try_receive(bytes_, fds_), Received::kReceived);
    EXPECT_EQ(bytes_.front(), static_cast<std::byte>(received++));
  }
  while (theirs_->try_receive(bytes_, fds_) == Received::kReceived && fds_.empty()) {
    EXPECT_EQ(bytes_.front(), static_cast<std::byte>(received++));
  }
  EXPECT_EQ(received, sent + 1);
  EXPECT_EQ(bytes_.front(), std::byte{254});
  EXPECT_TRUE(outbox_.is_empty());
}

TEST_F(OutboxTest, SaysWhatTheKernelRefusesUntilItDoesNot) {
  limit_room(4096);
  EXPECT_EQ(outbox_.send(ours_, std::vector<std::byte>(60'000)), State::kWaiting);
  EXPECT_NE(outbox_.trouble().find("Message too long"), std::string::npos) << outbox_.trouble();
  EXPECT_EQ(outbox_.flush(ours_), State::kWaiting);
  EXPECT_NE(outbox_.trouble(), "");
  limit_room(1 << 18);
  EXPECT_EQ(outbox_.flush(ours_), State::kEmpty);
  EXPECT_EQ(outbox_.trouble(), "");
}

TEST_F(OutboxTest, ForgetsWhatWaitsAndWhyWhenItIsCleared) {
  limit_room(4096);
  EXPECT_EQ(outbox_.send(ours_, std::vector<std::byte>(60'000)), State::kWaiting);
  outbox_.clear();
  EXPECT_TRUE(outbox_.is_empty());
  EXPECT_EQ(outbox_.trouble(), "");
}

TEST_F(OutboxTest, TellsThatThePeerIsGone) {
  limit_room(4096);
  (void)fill();
  theirs_.reset();
  EXPECT_EQ(outbox_.flush(ours_), State::kPeerGone);
  outbox_.clear();
  EXPECT_EQ(outbox_.send(ours_, {std::byte{1}}), State::kPeerGone);
}

}  // namespace
}  // namespace bulkhead::protocol
