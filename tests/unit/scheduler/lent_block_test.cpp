// What becomes of a block that arguments were encoded into: a call that was answered gives it back, and so does everything
// that was not submitted; one that a worker may still read is not used again.
#include <gtest/gtest.h>

#include "thread_workers.hpp"

#include <thread>

#include "pool/lent_block.hpp"
#include "support/eventually.hpp"

namespace bulkhead::pool {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using testing::kBlock;
using testing::kDie;
using testing::kFail;
using testing::kFailTwice;
using testing::ThreadWorkers;

constexpr std::size_t kSize = 300'000;

class LentBlockTest : public ::testing::Test {
 protected:
  using Lent = std::unique_ptr<LentBlock>;

  // One argument of so many bytes, encoded: workers look at the number at its beginning.
  static Lent encoded(ThreadWorkers& workers, std::int64_t value, std::size_t size = kSize, std::size_t wanted = 0) {
    Lent lent = workers.scheduler().lend(size, wanted);
    std::memcpy(lent->bytes().data(), &value, sizeof value);
    return lent;
  }
  static std::uint32_t id_of(const Lent& lent) { return lent->block()->id(); }
  // Which block the next arguments would be encoded into.
  static std::uint32_t next_id(ThreadWorkers& workers) { return id_of(workers.scheduler().lend(kSize, 0)); }

  static detail::Submission submission(ThreadWorkers& workers, const Lent& lent, std::size_t size = kSize,
                                       const detail::Terms* terms = nullptr) {
    return {.task = &workers.task(),
            .stride = static_cast<std::uint32_t>(size),
            .bytes = lent->bytes().first(size),
            .terms = terms,
            .lent = lent.get()};
  }
  static detail::CompletionRef submit(ThreadWorkers& workers, const Lent& lent) {
    return workers.scheduler().submit(submission(workers, lent), {});
  }
};

TEST_F(LentBlockTest, IsUsedAgainOnceItsCallIsAnswered) {
  ThreadWorkers workers(1);
  std::uint32_t first = 0;
  for (std::int64_t i = 0; i < 20; ++i) {
    const Lent lent = encoded(workers, i);
    if (i == 0) first = id_of(lent);
    EXPECT_EQ(id_of(lent), first);
    const auto call = submit(workers, lent);
    EXPECT_TRUE(lent->bytes().empty()) << "it is the call's";
    ASSERT_EQ(ThreadWorkers::value_of(call), i);
  }
}

TEST_F(LentBlockTest, IsUsedAgainWhenNothingWasSubmitted) {
  ThreadWorkers workers(1);
  std::uint32_t id = 0;
  {
    const Lent lent = encoded(workers, 1);
    id = id_of(lent);
    EXPECT_NE(next_id(workers), id) << "it is lent";
  }
  EXPECT_EQ(next_id(workers), id);
}

TEST_F(LentBlockTest, IsUsedAgainWhenItsTaskFailed) {
  ThreadWorkers workers(1);
  const Lent lent = encoded(workers, kFail);
  const std::uint32_t id = id_of(lent);
  EXPECT_EQ(ThreadWorkers::value_of(submit(workers, lent)), std::nullopt);
  EXPECT_EQ(next_id(workers), id);
}

TEST_F(LentBlockTest, StaysWithACallThatIsTriedAgain) {
  ThreadWorkers workers(1);
  const Lent lent = encoded(workers, kFailTwice);
  const std::uint32_t id = id_of(lent);
  detail::Terms terms;
  terms.retries = 2;
  const auto call = workers.scheduler().submit(submission(workers, lent, kSize, &terms), {});
  EXPECT_EQ(ThreadWorkers::value_of(call), kFailTwice);
  EXPECT_EQ(next_id(workers), id);
}

TEST_F(LentBlockTest, OfASubmissionToAFullQueueCanBeSubmittedLater) {
  ThreadWorkers workers(1, 64u << 10, Callbacks::kOwnThread, {.max_pending = 1, .when_full = WhenFull::kFail});
  workers.set_max_running(1);
  const auto blocker = workers.submit(kBlock);
  ASSERT_TRUE(eventually(20s, [&] { return workers.blocked() == 1; }));
  const auto waiting = workers.submit(1);
  const Lent lent = encoded(workers, 2);
  const std::uint32_t id = id_of(lent);
  EXPECT_THROW((void)submit(workers, lent), QueueFull);
  EXPECT_EQ(id_of(lent), id) << "nobody has taken it";
  workers.release_blocked();
  EXPECT_EQ(ThreadWorkers::value_of(waiting), 1);
  EXPECT_EQ(ThreadWorkers::value_of(submit(workers, lent)), 2);
  EXPECT_EQ(next_id(workers), id);
}

TEST_F(LentBlockTest, OfASubmissionToAClosedPoolIsUsedAgain) {
  ThreadWorkers workers(1);
  std::uint32_t id = 0;
  {
    const Lent lent = encoded(workers, 1);
    id = id_of(lent);
    workers.scheduler().close();
    EXPECT_THROW((void)submit(workers, lent), PoolClosed);
  }
  EXPECT_EQ(next_id(workers), id);
}

TEST_F(LentBlockTest, OfARefusedChunkIsUsedAgain) {
  ThreadWorkers workers(1);
  const auto map = workers.scheduler().begin_map(workers.task(), {});
  std::uint32_t id = 0;
  {
    const Lent lent = encoded(workers, 1);
    id = id_of(lent);
    workers.scheduler().close();
    EXPECT_THROW(workers.scheduler().add_chunk(static_cast<Map&>(*map), submission(workers, lent)), PoolClosed);
  }
  workers.scheduler().abandon_map(static_cast<Map&>(*map));
  EXPECT_EQ(next_id(workers), id);
}

TEST_F(LentBlockTest, OfAChunkIsUsedAgain) {
  ThreadWorkers workers(1);
  const auto map = workers.scheduler().begin_map(workers.task(), {});
  const Lent lent = encoded(workers, 5);
  const std::uint32_t id = id_of(lent);
  workers.scheduler().add_chunk(static_cast<Map&>(*map), submission(workers, lent));
  EXPECT_TRUE(lent->bytes().empty());
  workers.scheduler().seal_map(static_cast<Map&>(*map));
  EXPECT_EQ(ThreadWorkers::value_of(map), 5);
  EXPECT_EQ(next_id(workers), id);
}

TEST_F(LentBlockTest, IsNotUsedAgainWhenItsCallWasGivenUp) {
  ThreadWorkers workers(1);
  const auto blocker = workers.submit(kBlock);
  ASSERT_TRUE(eventually(20s, [&] { return workers.blocked() == 1; }));
  const Lent lent = encoded(workers, 1);
  const std::uint32_t id = id_of(lent);
  const auto call = submit(workers, lent);
  EXPECT_EQ(workers.scheduler().cancel(*call, CancelMode::kCooperative, std::nullopt), CancelOutcome::kNeverRan);
  EXPECT_NE(next_id(workers), id) << "its worker may be about to read it";
  workers.release_blocked();
}

TEST_F(LentBlockTest, IsNotUsedAgainWhenItsWorkerDied) {
  ThreadWorkers workers(1);
  const Lent lent = encoded(workers, kDie);
  const std::uint32_t id = id_of(lent);
  EXPECT_EQ(ThreadWorkers::value_of(submit(workers, lent)), std::nullopt);
  EXPECT_NE(next_id(workers), id);
  EXPECT_EQ(ThreadWorkers::value_of(submit(workers, encoded(workers, 3))), 3);
}

TEST_F(LentBlockTest, IsChargedForTheBytesThatAreUsed) {
  ThreadWorkers workers(1, 64u << 10, Callbacks::kOwnThread,
                        {.max_pending_bytes = 700'000, .when_full = WhenFull::kFail});
  workers.set_max_running(1);
  const auto blocker = workers.submit(kBlock);
  ASSERT_TRUE(eventually(20s, [&] { return workers.blocked() == 1; }));
  const auto first = submit(workers, encoded(workers, 1, kSize, 1'000'000));
  const auto second = submit(workers, encoded(workers, 2, kSize, 1'000'000));
  const Lent third = encoded(workers, 3);
  EXPECT_THROW((void)submit(workers, third), QueueFull);
  workers.release_blocked();
  EXPECT_EQ(ThreadWorkers::value_of(first), 1);
  EXPECT_EQ(ThreadWorkers::value_of(second), 2);
}

TEST_F(LentBlockTest, IsMadeForBytesThatLieElsewhere) {
  ThreadWorkers workers(1);
  const std::uint32_t id = next_id(workers);
  std::vector<std::byte> bytes(kSize);
  const std::int64_t value = 4;
  std::memcpy(bytes.data(), &value, sizeof value);
  const detail::Submission elsewhere{.task = &workers.task(), .stride = kSize, .bytes = bytes};
  EXPECT_EQ(ThreadWorkers::value_of(workers.scheduler().submit(elsewhere, {})), value);
  EXPECT_EQ(next_id(workers), id);
  workers.scheduler().close();
  EXPECT_THROW((void)workers.scheduler().submit(elsewhere, {}), PoolClosed);
  EXPECT_EQ(next_id(workers), id);
}

TEST_F(LentBlockTest, HasTheSizeThatIsWantedUpToTheLimitOfACall) {
  ThreadWorkers workers(1);
  constexpr std::size_t kMost = protocol::kMaxPayloadBytes;
  EXPECT_LT(workers.scheduler().lend(kSize, 0)->bytes().size(), 2 * kSize);
  EXPECT_GE(workers.scheduler().lend(kSize, 4 * kSize)->bytes().size(), 4 * kSize);
  EXPECT_EQ(workers.scheduler().lend(kMost + 1, 0), nullptr);
}

TEST_F(LentBlockTest, MayOutliveThePool) {
  Lent lent;
  {
    ThreadWorkers workers(1);
    lent = encoded(workers, 1);
  }
  std::memset(lent->bytes().data(), 7, kSize);
}

}  // namespace
}  // namespace bulkhead::pool
