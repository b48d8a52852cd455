#include "ipc/claim_table.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "ring_fixture.hpp"

namespace bulkhead::ipc {
namespace {

using Revoke = HostClaims::Revoke;
using State = HostClaims::State;

class ClaimTable : public ::testing::Test {
 protected:
  std::unique_ptr<ClaimWords> words_ = std::make_unique<ClaimWords>();
  HostClaims host_{*words_};
  WorkerClaims worker_{*words_};
};

TEST_F(ClaimTable, AnOfferedRecordCanBeClaimed) {
  EXPECT_EQ(host_.state(kFirstSequence), State::kOffered);
  EXPECT_TRUE(worker_.try_claim(kFirstSequence));
  EXPECT_EQ(host_.state(kFirstSequence), State::kClaimed);
}

TEST_F(ClaimTable, ARevokedRecordCannotBeClaimed) {
  EXPECT_EQ(host_.try_revoke(kFirstSequence), Revoke::kRevoked);
  EXPECT_FALSE(worker_.try_claim(kFirstSequence));
  EXPECT_EQ(host_.state(kFirstSequence), State::kRevoked);
}

TEST_F(ClaimTable, AClaimedRecordCannotBeRevoked) {
  ASSERT_TRUE(worker_.try_claim(kFirstSequence));
  EXPECT_EQ(host_.try_revoke(kFirstSequence), Revoke::kClaimed);
  EXPECT_EQ(host_.state(kFirstSequence), State::kClaimed);
}

TEST_F(ClaimTable, RevokingTwiceSaysRevokedTwice) {
  ASSERT_EQ(host_.try_revoke(kFirstSequence), Revoke::kRevoked);
  EXPECT_EQ(host_.try_revoke(kFirstSequence), Revoke::kRevoked);
}

TEST_F(ClaimTable, TheNextLapIsOfferedWhateverBecameOfTheLast) {
  const std::uint64_t claimed = kFirstSequence + 1;
  const std::uint64_t revoked = kFirstSequence + 2;
  ASSERT_TRUE(worker_.try_claim(claimed));
  ASSERT_EQ(host_.try_revoke(revoked), Revoke::kRevoked);
  ASSERT_FALSE(worker_.try_claim(revoked));
  host_.settle(claimed);
  host_.settle(revoked);
  EXPECT_EQ(host_.state(claimed + kClaims), State::kOffered);
  EXPECT_EQ(host_.try_revoke(claimed + kClaims), Revoke::kRevoked);
  EXPECT_TRUE(worker_.try_claim(revoked + kClaims));
  EXPECT_EQ(host_.try_revoke(revoked + kClaims), Revoke::kClaimed);
}

TEST_F(ClaimTable, AnIllegalWordIsCorrupt) {
  (*words_)[7] = 12345;
  EXPECT_EQ(host_.state(kFirstSequence + 7), State::kCorrupt);
  EXPECT_EQ(host_.try_revoke(kFirstSequence + 7), Revoke::kCorrupt);
}

TEST_F(ClaimTable, AReplyWithoutAClaimIsFoundOnTheNextLap) {
  host_.settle(kFirstSequence);
  EXPECT_EQ(host_.try_revoke(kFirstSequence + kClaims), Revoke::kCorrupt);
}

TEST_F(ClaimTable, AWorkerCannotTakeARevokedRecordBack) {
  ASSERT_EQ(host_.try_revoke(kFirstSequence), Revoke::kRevoked);
  (*words_)[0] = claim::claimed(kFirstSequence);
  EXPECT_EQ(host_.state(kFirstSequence), State::kRevoked);
  EXPECT_EQ(host_.try_revoke(kFirstSequence), Revoke::kRevoked);
}

TEST_F(ClaimTable, ExactlyOneSideGetsEachRecord) {
  constexpr std::uint64_t kLaps = 300;
  std::atomic<std::uint64_t> offered_lap{0};
  std::atomic<std::uint64_t> worker_done{0};
  std::vector<char> claimed(kClaims);
  std::thread worker([&] {
    for (std::uint64_t lap = 1; lap <= kLaps; ++lap) {
      while (offered_lap.load(std::memory_order_acquire) < lap) std::this_thread::yield();
      for (std::uint64_t i = 0; i < kClaims; ++i) claimed[i] = worker_.try_claim(lap * kClaims + i);
      worker_done.store(lap, std::memory_order_release);
    }
  });
  const testing::Seed seed;
  auto random = seed.generator();
  std::uint64_t revoked_count = 0;
  std::uint64_t wrong = 0;
  std::vector<char> revoked(kClaims);
  for (std::uint64_t lap = 1; lap <= kLaps; ++lap) {
    const std::uint64_t first = lap * kClaims;
    offered_lap.store(lap, std::memory_order_release);
    // From the end, as stealing does, so that the two meet at a random place.
    for (std::uint64_t i = kClaims; i-- > 0;) {
      revoked[i] = random() % 2 == 0 && host_.try_revoke(first + i) == Revoke::kRevoked;
    }
    while (worker_done.load(std::memory_order_acquire) < lap) std::this_thread::yield();
    for (std::uint64_t i = 0; i < kClaims; ++i) {
      wrong += claimed[i] == revoked[i];
      revoked_count += revoked[i] != 0;
      host_.settle(first + i);
    }
  }
  worker.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(revoked_count, 0U);
  EXPECT_LT(revoked_count, kLaps * kClaims);
}

}  // namespace
}  // namespace bulkhead::ipc
