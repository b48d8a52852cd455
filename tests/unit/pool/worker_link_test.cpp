#include "pool/worker_link.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <span>

#include "../ipc/channel_fixture.hpp"

namespace bulkhead::pool {
namespace {

using namespace std::chrono_literals;

class WorkerLinkTest : public ::testing::Test {
 protected:
  WorkerLinkTest() { link_.attach(channel_, 7, 1234, 1000'000); }
  // Offers one call, through the channel as the scheduler does.
  std::uint64_t offer(Call* call) {
    EXPECT_FALSE(channel_.try_reserve(16).empty());
    const auto sequence = channel_.stage(16);
    link_.push(sequence, call);
    return sequence;
  }
  // `calls` finished, each having taken `each`.
  void finish(std::uint32_t calls, std::chrono::nanoseconds each) {
    const auto from = std::chrono::steady_clock::time_point(1h);
    link_.note_busy_from(from);
    link_.note_finished(calls, from + each * calls);
  }

  ipc::HostChannel channel_ = ipc::HostChannel::create({.request_ring_bytes = 65536, .response_ring_bytes = 65536},
                                                       "bulkhead." + std::to_string(::getpid()) + ".worker_link_test");
  WorkerLink link_{0};
  Call call_;
};

TEST_F(WorkerLinkTest, IsReadyBetweenAttachAndDetach) {
  EXPECT_TRUE(link_.is_ready());
  EXPECT_TRUE(link_.has_capacity());
  EXPECT_EQ(link_.generation(), 7u);
  EXPECT_EQ(link_.pid(), 1234);
  link_.detach();
  EXPECT_FALSE(link_.is_ready());
  EXPECT_FALSE(link_.has_capacity());
  EXPECT_FALSE(link_.has_replies());
}

TEST_F(WorkerLinkTest, CountsCallsAndNoControlRecords) {
  offer(nullptr);
  EXPECT_EQ(link_.in_flight(), 0u);
  const auto sequence = offer(&call_);
  EXPECT_EQ(link_.in_flight(), 1u);
  EXPECT_TRUE(link_.has_staged);
  EXPECT_EQ(link_.offer(sequence).call, &call_);
  EXPECT_EQ(link_.front_sequence() + 2, link_.end_sequence());
  link_.pop_front();
  link_.pop_front();
  EXPECT_EQ(link_.in_flight(), 0u);
  EXPECT_FALSE(link_.has_offers());
}

TEST_F(WorkerLinkTest, IsGivenNothingNewWhileSomethingTakenBackIsOnItsWay) {
  const auto sequence = offer(&call_);
  link_.mark_revoked(sequence);
  EXPECT_EQ(link_.in_flight(), 0u);
  EXPECT_FALSE(link_.has_capacity());
  link_.pop_front();
  EXPECT_TRUE(link_.has_capacity());
  EXPECT_EQ(link_.in_flight(), 0u);
}

TEST_F(WorkerLinkTest, LeavesOnceItsQuotaIsUsedUp) {
  link_.attach(channel_, 9, 1236, 3);
  call_.count = 2;
  offer(&call_);
  EXPECT_FALSE(link_.is_leaving());
  EXPECT_TRUE(link_.has_capacity());
  offer(&call_);  // more than is left: a chunk is not cut
  EXPECT_TRUE(link_.is_leaving());
  EXPECT_FALSE(link_.has_capacity());
}

TEST_F(WorkerLinkTest, KnowsWhetherItHoldsSomethingLessUrgent) {
  EXPECT_FALSE(link_.has_lower_than(7));
  call_.priority = 2;
  const auto sequence = offer(&call_);
  EXPECT_TRUE(link_.has_lower_than(3));
  EXPECT_FALSE(link_.has_lower_than(2));
  link_.mark_revoked(sequence);
  EXPECT_FALSE(link_.has_lower_than(7));
}

TEST_F(WorkerLinkTest, IsFullWhenItsWindowIs) {
  while (link_.has_capacity()) offer(&call_);
  EXPECT_EQ(link_.in_flight(), link_.window());
  link_.pop_front();
  EXPECT_TRUE(link_.has_capacity());
}

TEST_F(WorkerLinkTest, HasADeepWindowForTinyTasksAndAShallowOneForLongOnes) {
  for (int i = 0; i < 50; ++i) finish(100, 100ns);
  EXPECT_GT(link_.window(), 200u);
  finish(1, 10ms);
  EXPECT_EQ(link_.window(), 2u) << "a slower kind is followed at once";
  for (int i = 0; i < 50; ++i) finish(100, 100ns);
  EXPECT_GT(link_.window(), 200u) << "a faster one within a few drains";
}

TEST_F(WorkerLinkTest, NeverExpectsLessWorkThanItHasBeenSilent) {
  for (int i = 0; i < 20; ++i) finish(10, 1us);
  const auto now = std::chrono::steady_clock::time_point(2h);
  link_.note_busy_from(now);
  offer(&call_);
  EXPECT_GE(link_.expected_work(now + 5s), 5s);
  EXPECT_LT(link_.expected_work(now), 1ms);
}

TEST_F(WorkerLinkTest, KeepsControlRecordsUntilTheyArePassed) {
  for (int i = 0; i < 3; ++i) offer(nullptr);
  link_.pop_passed_controls();
  EXPECT_TRUE(link_.has_offers()) << "the worker has not come to them";
  EXPECT_EQ(channel_.outstanding(), 3u);
  channel_.flush();
  auto bells = ipc::PoolBells::create();
  auto worker = ipc::WorkerChannel::attach(ipc::testing::handles_for(bells, channel_));
  std::span<const std::byte> frame;
  for (int i = 0; i < 3; ++i) {
    link_.pop_passed_controls();
    EXPECT_EQ(channel_.outstanding(), 3u) << "all or none";
    ASSERT_EQ(worker.next(frame), ipc::WorkerChannel::Next::kClaimed);
    worker.done();
  }
  link_.pop_passed_controls();
  EXPECT_FALSE(link_.has_offers());
  EXPECT_EQ(channel_.outstanding(), 0u);
}

TEST_F(WorkerLinkTest, TakesNothingWhenItIsLeavingOrCondemned) {
  link_.set_shut_down();
  EXPECT_FALSE(link_.has_capacity());
  link_.attach(channel_, 8, 1235, 1000'000);
  EXPECT_TRUE(link_.has_capacity());
  link_.set_condemned();
  EXPECT_FALSE(link_.has_capacity());
  EXPECT_FALSE(link_.has_replies());
}

}  // namespace
}  // namespace bulkhead::pool
