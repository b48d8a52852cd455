// The channel between two processes, and after the death of one.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>

#include "channel_fixture.hpp"

namespace bulkhead::ipc {
namespace {

using std::chrono::seconds;
using support::Deadline;
using testing::bytes_of;
using testing::try_receive;
using testing::try_send;

// A child that runs `body` and never returns into the test.
class Child {
 public:
  explicit Child(const std::function<void()>& body) : pid_(::fork()) {
    if (pid_ != 0) return;
    int status = 1;
    try {
      body();
      status = 0;
    } catch (...) {
    }
    ::_exit(status);
  }
  ~Child() {
    if (pid_ > 0) (void)kill();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int wait() {
    int status = -1;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status;
  }
  int kill() {
    ::kill(pid_, SIGKILL);
    return wait();
  }

 private:
  pid_t pid_;
};

class ChannelBetweenProcesses : public ::testing::Test {
 protected:
  void run_worker(const std::function<void(WorkerChannel&)>& body, std::uint32_t spin_pauses) {
    child_.emplace([&] {
      auto worker = WorkerChannel::attach(testing::handles_for(bells_, host_, spin_pauses));
      body(worker);
    });
  }
  bool wait() { return testing::wait_as_leader(bells_, host_, Deadline::after(seconds(20))); }

  PoolBells bells_ = PoolBells::create();
  HostChannel host_ =
      HostChannel::create({.request_ring_bytes = 1U << 16, .response_ring_bytes = 1U << 16}, make_doorbell_name());
  std::optional<Child> child_;
};

TEST_F(ChannelBetweenProcesses, AnswersOneCallAfterAnother) {
  run_worker(testing::echo_until_quit, 100);
  for (std::uint64_t id = 0; id < 20'000; ++id) {
    const auto sequence = try_send(host_, bytes_of(id, 2 + id % 90));
    ASSERT_TRUE(sequence.has_value());
    ASSERT_TRUE(wait()) << "no answer to call " << id;
    ASSERT_EQ(try_receive(host_), bytes_of(id, 2 + id % 90));
    host_.settle(*sequence);
  }
  ASSERT_TRUE(try_send(host_, testing::quit_record()));
  EXPECT_EQ(child_->wait(), 0);
}

TEST_F(ChannelBetweenProcesses, ResultsOfADeadWorkerAreStillThere) {
  run_worker(
      [](WorkerChannel& worker) {
        std::span<const std::byte> frame;
        for (int i = 0; i < 3; ++i) {
          (void)worker.next(frame);
          if (i < 2) testing::answer(worker, bytes_of(7, 70));
        }
        ::raise(SIGKILL);
      },
      0);
  for (std::uint64_t id = 0; id < 5; ++id) ASSERT_TRUE(try_send(host_, bytes_of(id, 20)));
  const int status = child_->wait();
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(try_receive(host_), bytes_of(7, 70));
  EXPECT_EQ(try_receive(host_), bytes_of(7, 70));
  EXPECT_FALSE(host_.has_responses());
  EXPECT_TRUE(host_.was_claimed(kFirstSequence + 2));
  EXPECT_FALSE(host_.was_claimed(kFirstSequence + 3));
  EXPECT_EQ(testing::copy(host_.request(kFirstSequence + 4)), bytes_of(4, 20));
}

TEST_F(ChannelBetweenProcesses, AKillAtAnyMomentLeavesWholeAnswersAndOneOpenClaimAtMost) {
  const testing::Seed seed;
  auto random = seed.generator();
  for (int round = 0; round < 60; ++round) {
    HostChannel host =
        HostChannel::create({.request_ring_bytes = 1U << 14, .response_ring_bytes = 1U << 14}, make_doorbell_name());
    Child child([&] {
      auto worker = WorkerChannel::attach(testing::handles_for(bells_, host, 50));
      testing::echo_until_quit(worker);
    });
    std::uint64_t sent = 0;
    std::uint64_t answered = 0;
    const std::uint64_t last = 1 + random() % 3000;
    const auto drain = [&] {
      for (auto response = try_receive(host); !response.empty(); response = try_receive(host)) {
        ASSERT_EQ(response, bytes_of(answered, 40));
        host.settle(kFirstSequence + answered);
        ++answered;
      }
    };
    while (answered < last) {
      if (try_send(host, bytes_of(sent, 40))) ++sent;
      drain();
    }
    ASSERT_TRUE(WIFSIGNALED(child.kill()));
    drain();
    std::span<const std::byte> frame;
    EXPECT_EQ(host.receive(frame), HostChannel::Receive::kEmpty);
    std::uint64_t open_claims = 0;
    for (std::uint64_t id = answered; id < sent; ++id) {
      const bool claimed = host.was_claimed(kFirstSequence + id);
      open_claims += claimed;
      EXPECT_TRUE(!claimed || id == answered) << "claimed out of order";
      EXPECT_EQ(testing::copy(host.request(kFirstSequence + id)), bytes_of(id, 40));
    }
    EXPECT_LE(open_claims, 1U);
  }
}

TEST_F(ChannelBetweenProcesses, AWorkerCannotWriteTheHostsMemory) {
  run_worker(
      [this](WorkerChannel&) {
        auto view =
            SharedSegment::attach(testing::dup_fd(host_.host_fd()), kHostAreaBytes + (1U << 16), Access::kReadOnly);
        const_cast<volatile std::byte&>(view.bytes()[64]) = std::byte{1};
      },
      0);
  const int status = child_->wait();
  // A sanitizer reports the fault and exits.
  EXPECT_TRUE((WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) || (WIFEXITED(status) && WEXITSTATUS(status) != 0));
}

TEST_F(ChannelBetweenProcesses, AForkedChildOfTheWorkerDoesNotSeeTheRings) {
  run_worker(
      [](WorkerChannel& worker) {
        const auto room = worker.reserve(8);
        Child grandchild([&] { room[0] = std::byte{1}; });
        const int status = grandchild.wait();
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) throw 1;
        std::memset(room.data(), 0, room.size());
        worker.publish(8);
      },
      0);
  EXPECT_EQ(child_->wait(), 0);
  EXPECT_TRUE(host_.has_responses());
}

TEST_F(ChannelBetweenProcesses, AForkedChildOfTheHostDoesNotTakeTheDoorbellsName) {
  Child copy_of_host([this] { HostChannel taken = std::move(host_); });
  EXPECT_EQ(copy_of_host.wait(), 0);
  EXPECT_NO_THROW((void)WorkerDoorbell::open(host_.doorbell_name()));
}

}  // namespace
}  // namespace bulkhead::ipc
