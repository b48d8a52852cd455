#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <thread>

#include "bulkhead/error.hpp"
#include "channel_fixture.hpp"

namespace bulkhead::ipc {
namespace {

using std::chrono::seconds;
using support::Deadline;
using testing::answer;
using testing::bytes_of;
using testing::Channel;
using testing::copy;
using testing::try_receive;
using testing::try_send;
using Next = WorkerChannel::Next;
using Revoke = HostChannel::Revoke;
using Announce = WorkerChannel::Announce;

TEST(Channel, CarriesARecordThereAndBack) {
  Channel channel;
  const auto sequence = try_send(channel.host, bytes_of(1, 100));
  ASSERT_TRUE(sequence.has_value());
  std::span<const std::byte> frame;
  ASSERT_EQ(channel.worker.next(frame), Next::kClaimed);
  EXPECT_EQ(copy(frame), bytes_of(1, 100));
  channel.worker.done();
  EXPECT_FALSE(channel.host.has_responses());
  answer(channel.worker, bytes_of(2, 50));
  EXPECT_TRUE(channel.host.has_responses());
  EXPECT_EQ(try_receive(channel.host), bytes_of(2, 50));
  EXPECT_EQ(channel.host.outstanding(), 1U);
  channel.host.settle(*sequence);
  EXPECT_EQ(channel.host.outstanding(), 0U);
}

TEST(Channel, NumbersItsRecordsByOne) {
  Channel channel;
  EXPECT_EQ(try_send(channel.host, bytes_of(1, 8)), kFirstSequence);
  EXPECT_EQ(try_send(channel.host, bytes_of(2, 8)), kFirstSequence + 1);
}

TEST(Channel, GivesBackTheBytesOfARecordThatIsOutstanding) {
  Channel channel;
  const auto first = try_send(channel.host, bytes_of(1, 33));
  const auto second = try_send(channel.host, bytes_of(2, 44));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(copy(channel.host.request(*first)), bytes_of(1, 33));
  EXPECT_EQ(copy(channel.host.request(*second)), bytes_of(2, 44));
}

TEST(Channel, ARevokedRecordIsSkippedAndTheNextRuns) {
  Channel channel;
  const auto first = try_send(channel.host, bytes_of(1, 8));
  const auto second = try_send(channel.host, bytes_of(2, 8));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(channel.host.try_revoke(*first), Revoke::kRevoked);
  std::span<const std::byte> frame;
  EXPECT_EQ(channel.worker.next(frame), Next::kRevoked);
  EXPECT_EQ(copy(frame), bytes_of(1, 8));
  EXPECT_EQ(channel.worker.next(frame), Next::kClaimed);
  EXPECT_EQ(channel.host.try_revoke(*second), Revoke::kClaimed);
  EXPECT_FALSE(channel.host.was_claimed(*first));
  EXPECT_TRUE(channel.host.was_claimed(*second));
}

TEST(Channel, OffersNoMoreRecordsThanThereAreClaimWords) {
  Channel channel;
  for (std::uint64_t i = 0; i < kClaims; ++i) ASSERT_TRUE(try_send(channel.host, bytes_of(i, 1)));
  EXPECT_FALSE(try_send(channel.host, bytes_of(0, 1)));
  channel.host.settle(kFirstSequence + 1);
  EXPECT_FALSE(try_send(channel.host, bytes_of(0, 1))) << "the oldest still holds its word";
  channel.host.settle(kFirstSequence);
  EXPECT_TRUE(try_send(channel.host, bytes_of(0, 1)));
  EXPECT_TRUE(try_send(channel.host, bytes_of(0, 1)));
  EXPECT_FALSE(try_send(channel.host, bytes_of(0, 1)));
}

TEST(Channel, HasRoomAgainOnceTheWorkerIsDone) {
  Channel channel;
  const auto large = bytes_of(1, channel.host.max_request_bytes());
  ASSERT_TRUE(try_send(channel.host, large));
  ASSERT_TRUE(try_send(channel.host, large));
  ASSERT_FALSE(try_send(channel.host, large));
  std::span<const std::byte> frame;
  ASSERT_EQ(channel.worker.next(frame), Next::kClaimed);
  ASSERT_FALSE(try_send(channel.host, large));
  channel.worker.done();
  EXPECT_TRUE(try_send(channel.host, large));
}

TEST(Channel, RefusesResponsesThatNeverFit) {
  Channel channel;
  EXPECT_TRUE(channel.worker.reserve(channel.worker.max_response_bytes() + 1).empty());
  EXPECT_TRUE(channel.worker.reserve(0).empty());
  EXPECT_FALSE(channel.worker.reserve(channel.worker.max_response_bytes()).empty());
}

TEST(Channel, TellsWhatTheWorkerIsDoing) {
  Channel channel;
  channel.worker.set_status(5, 77, 3);
  EXPECT_EQ(channel.host.status().phase, 5);
  EXPECT_EQ(channel.host.status().task_id, 77U);
  EXPECT_EQ(channel.host.status().item, 3U);
  channel.worker.set_phase(6);
  EXPECT_EQ(channel.host.status().phase, 6);
  EXPECT_EQ(channel.host.status().task_id, 77U);
  EXPECT_FALSE(channel.host.status().worker_parked);
}

TEST(Channel, RingsAParkedLeaderAtTheNextResult) {
  Channel channel;
  channel.bells.set(ParkMode::kLeaderParked);
  answer(channel.worker, bytes_of(1, 8));
  EXPECT_TRUE(channel.bells.leader().consume());
  EXPECT_FALSE(channel.bells.pump().consume());
  answer(channel.worker, bytes_of(1, 8));
  EXPECT_FALSE(channel.bells.leader().consume()) << "once per announcement";
}

TEST(Channel, RingsNobodyForALaterAnnouncement) {
  Channel channel;
  channel.bells.set(ParkMode::kPumpEager);
  answer(channel.worker, bytes_of(1, 8), Announce::kLater);
  EXPECT_FALSE(channel.bells.pump().consume());
  answer(channel.worker, bytes_of(1, 8), Announce::kNow);
  EXPECT_TRUE(channel.bells.pump().consume());
}

TEST(Channel, RingsALazyPumpWhenTheResponseRingIsHalfFull) {
  Channel channel;
  channel.bells.set(ParkMode::kPumpLazy);
  const std::size_t frames_to_half = (1U << 15) / 64;
  for (std::size_t i = 0; i + 1 < frames_to_half; ++i) answer(channel.worker, bytes_of(i, 56));
  EXPECT_FALSE(channel.bells.pump().consume());
  answer(channel.worker, bytes_of(0, 56));
  EXPECT_TRUE(channel.bells.pump().consume());
}

TEST(Channel, RingsForALaterAnnouncementWhenTheResponseRingIsHalfFull) {
  Channel channel;
  channel.bells.set(ParkMode::kPumpLazy);
  const std::size_t frames_to_half = (1U << 15) / 64;
  for (std::size_t i = 0; i + 1 < frames_to_half; ++i) answer(channel.worker, bytes_of(i, 56), Announce::kLater);
  EXPECT_FALSE(channel.bells.pump().consume());
  answer(channel.worker, bytes_of(0, 56), Announce::kLater);
  EXPECT_TRUE(channel.bells.pump().consume());
}

// Whatever the host offers while the worker lets records gather, it gets; and with a spin budget or without one.
TEST(Channel, AWorkerThatLetsRecordsGatherGetsAllOfThem) {
  for (const std::uint32_t spin_pauses : {0U, 2000U}) {
    Channel channel({.request_ring_bytes = 1U << 16, .response_ring_bytes = 1U << 16}, spin_pauses);
    constexpr std::uint64_t kRecords = 5000;
    std::thread worker([&] {
      for (std::uint64_t i = 0; i < kRecords; ++i) {
        std::span<const std::byte> frame;
        channel.worker.expect_more();
        ASSERT_EQ(channel.worker.next(frame), WorkerChannel::Next::kClaimed);
        ASSERT_EQ(copy(frame), bytes_of(i, 16));
        channel.worker.done();
        answer(channel.worker, bytes_of(i, 8));
      }
    });
    std::uint64_t answered = 0;
    const auto take_answers = [&] {
      for (auto reply = try_receive(channel.host); !reply.empty(); reply = try_receive(channel.host)) {
        ASSERT_EQ(reply, bytes_of(answered, 8));
        channel.host.settle(kFirstSequence + answered++);
      }
    };
    for (std::uint64_t sent = 0; sent < kRecords;) {
      for (std::uint64_t burst = 1 + sent % 7; burst > 0 && sent < kRecords; --burst) {
        const auto room = channel.host.try_reserve(16);
        if (room.empty()) break;
        const auto content = bytes_of(sent++, 16);
        std::memcpy(room.data(), content.data(), content.size());
        channel.host.stage(content.size());
      }
      channel.host.flush();
      channel.host.ring_if_parked();
      if (sent % 3 == 0) channel.host.hurry();
      take_answers();
    }
    channel.host.hurry();
    while (answered < kRecords) take_answers();
    worker.join();
  }
}

TEST(Channel, RingsALazyPumpBeforeTheWorkerSleepsOnResults) {
  Channel channel;
  channel.bells.set(ParkMode::kPumpLazy);
  answer(channel.worker, bytes_of(1, 8));
  ASSERT_FALSE(channel.bells.pump().consume());
  std::thread worker([&] { testing::echo_until_quit(channel.worker); });
  EXPECT_TRUE(channel.bells.pump().wait(Deadline::after(seconds(20))));
  ASSERT_TRUE(try_send(channel.host, testing::quit_record()));
  worker.join();
}

TEST(Channel, LeavesALazyPumpAloneWhenEverythingWasTaken) {
  Channel channel;
  channel.bells.set(ParkMode::kPumpLazy);
  answer(channel.worker, bytes_of(1, 8));
  ASSERT_EQ(try_receive(channel.host), bytes_of(1, 8));
  std::thread worker([&] { testing::echo_until_quit(channel.worker); });
  while (!channel.host.worker_is_parked()) std::this_thread::yield();
  EXPECT_FALSE(channel.bells.pump().consume());
  ASSERT_TRUE(try_send(channel.host, testing::quit_record()));
  worker.join();
}

TEST(Channel, RingsAParkedWorkerOnce) {
  Channel channel;
  std::thread worker([&] { testing::echo_until_quit(channel.worker); });
  while (!channel.host.worker_is_parked()) std::this_thread::yield();
  const auto room = channel.host.try_reserve(1);
  ASSERT_EQ(room.size(), 1U);
  room[0] = std::byte{'q'};
  channel.host.stage(1);
  channel.host.flush();
  EXPECT_TRUE(channel.host.ring_if_parked());
  EXPECT_FALSE(channel.host.ring_if_parked());
  worker.join();
}

TEST(Channel, AWorkerWaitsForRoomAndGoesOn) {
  Channel channel({.request_ring_bytes = 1U << 12, .response_ring_bytes = 1U << 12});
  constexpr std::uint64_t kResponses = 200;
  const std::size_t bytes = channel.worker.max_response_bytes();
  channel.bells.set(ParkMode::kPumpLazy);
  std::thread worker([&] {
    for (std::uint64_t i = 0; i < kResponses; ++i) answer(channel.worker, bytes_of(i, bytes), Announce::kLater);
  });
  for (std::uint64_t i = 0; i < kResponses;) {
    if (i == 0) {
      EXPECT_TRUE(channel.bells.pump().wait(Deadline::after(seconds(20)))) << "a full ring must ring";
    }
    const auto response = try_receive(channel.host);
    if (response.empty()) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(response, bytes_of(i, bytes));
    ++i;
  }
  worker.join();
}

TEST(Channel, AWorkerThatIsToldToLeaveTakesNothingMore) {
  Channel channel;
  std::atomic<bool> has_left = false;
  std::thread worker([&] {
    std::span<const std::byte> frame;
    has_left = channel.worker.next(frame) == Next::kLeave;
  });
  channel.worker.leave();  // parked or not
  worker.join();
  EXPECT_TRUE(has_left);
  ASSERT_TRUE(try_send(channel.host, testing::quit_record()));
  std::span<const std::byte> frame;
  EXPECT_EQ(channel.worker.next(frame), Next::kLeave);
}

TEST(Channel, BothEndsMayBeMovedBetweenCalls) {
  Channel channel;
  ASSERT_TRUE(try_send(channel.host, bytes_of(1, 8)));
  HostChannel host = std::move(channel.host);
  WorkerChannel worker = std::move(channel.worker);
  PoolBells bells = std::move(channel.bells);
  ASSERT_TRUE(try_send(host, bytes_of(2, 8)));
  std::span<const std::byte> frame;
  ASSERT_EQ(worker.next(frame), Next::kClaimed);
  EXPECT_EQ(copy(frame), bytes_of(1, 8));
  ASSERT_EQ(worker.next(frame), Next::kClaimed);
  EXPECT_EQ(copy(frame), bytes_of(2, 8));
  bells.set(ParkMode::kLeaderParked);
  answer(worker, bytes_of(3, 8));
  EXPECT_TRUE(bells.leader().consume());
  EXPECT_EQ(try_receive(host), bytes_of(3, 8));
}

TEST(Channel, RefusesSizesThatAreNoPowersOfTwo) {
  for (const std::uint32_t bytes : {0U, 5000U, 2048U, 1U << 31}) {
    EXPECT_THROW((void)HostChannel::create({.request_ring_bytes = bytes}, make_doorbell_name()), UsageError);
    EXPECT_THROW((void)HostChannel::create({.response_ring_bytes = bytes}, make_doorbell_name()), UsageError);
  }
}

TEST(Channel, RefusesToAttachMemoryOfOtherSizes) {
  Channel channel;
  auto host = HostChannel::create({}, make_doorbell_name());
  auto handles = testing::handles_for(channel.bells, host);
  handles.sizes.request_ring_bytes = 1U << 16;
  EXPECT_THROW((void)WorkerChannel::attach(std::move(handles)), UsageError);
}

TEST(Channel, RefusesToAttachMemoryThatIsNoChannel) {
  Channel channel;
  auto host = HostChannel::create({}, make_doorbell_name());
  auto handles = testing::handles_for(channel.bells, host);
  const auto other = SharedSegment::create("other", kHostAreaBytes + (1U << 20), Seal::kPlain);
  handles.host_memory = testing::dup_fd(other.fd());
  EXPECT_THROW((void)WorkerChannel::attach(std::move(handles)), UsageError);
}

TEST(Channel, RefusesToAttachWithoutADoorbell) {
  Channel channel;  // its name is gone already
  EXPECT_THROW((void)WorkerChannel::attach(testing::handles_for(channel.bells, channel.host)), ResourceError);
}

// Everything at once: random sizes, revocations, parking on both sides, a full ring now and then.
TEST(Channel, AnswersEveryRecordExactlyOnceAndInOrder) {
  const testing::Seed seed;
  auto random = seed.generator();
  Channel channel({.request_ring_bytes = 1U << 13, .response_ring_bytes = 1U << 12}, 50);
  std::thread worker([&] { testing::echo_until_quit(channel.worker); });
  struct Sent {
    std::uint64_t sequence;
    std::uint64_t id;
    std::size_t bytes;
    bool revoked;
  };
  std::deque<Sent> sent;
  constexpr std::uint64_t kRecords = 60'000;
  std::uint64_t id = 0;
  std::uint64_t revoked = 0;
  while (id < kRecords || !sent.empty()) {
    for (auto burst = random() % 40; burst > 0 && id < kRecords; --burst) {
      const std::size_t bytes = 2 + random() % (random() % 16 == 0 ? 2000 : 60);
      const auto sequence = try_send(channel.host, bytes_of(id, bytes));
      if (!sequence) break;
      sent.push_back({*sequence, id++, bytes, false});
    }
    if (random() % 4 == 0 && !sent.empty()) {
      Sent& victim = sent[random() % sent.size()];
      victim.revoked = channel.host.try_revoke(victim.sequence) == Revoke::kRevoked;
      revoked += victim.revoked;
    }
    if (!sent.empty()) {
      ASSERT_TRUE(testing::wait_as_leader(channel.bells, channel.host, Deadline::after(seconds(20))))
          << "no answer to record " << sent.front().id;
    }
    for (auto response = try_receive(channel.host); !response.empty(); response = try_receive(channel.host)) {
      ASSERT_FALSE(sent.empty());
      const Sent& first = sent.front();
      ASSERT_EQ(response, bytes_of(first.id, first.revoked ? 1 : first.bytes));
      channel.host.settle(first.sequence);
      sent.pop_front();
    }
  }
  EXPECT_GT(revoked, 0U);
  ASSERT_TRUE(try_send(channel.host, testing::quit_record()));
  worker.join();
}

}  // namespace
}  // namespace bulkhead::ipc
