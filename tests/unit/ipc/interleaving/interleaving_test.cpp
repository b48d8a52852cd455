// The real rings, claim words and park words, in every order of their accesses. Each rule that is broken must be caught.

#include "explorer.hpp"
// The atomics of the headers below.
#define BULKHEAD_IPC_ATOMIC ::bulkhead::ipc::testing::SteppedAtomic

#include <gtest/gtest.h>

#include <cstring>
#include <span>

#include "ipc/claim_table.hpp"
#include "ipc/parking.hpp"
#include "ipc/spsc_ring.hpp"

namespace bulkhead::ipc::testing {
namespace {

using Word64 = Atomic<std::uint64_t>;

// A ring whose bytes are watched. A frame holds the same number twice.
class Ring {
 public:
  static constexpr std::size_t kFrameBytes = 16;

  // Handed over with those staged before it, or later.
  void send(std::uint64_t value, bool hand_over = true) {
    auto room = producer.try_reserve(kFrameBytes);
    if (room.empty()) {
      Explorer::await([&] { return producer.position() - head.value <= 24; });  // room also for a wrap
      room = producer.try_reserve(kFrameBytes);
    }
    if (room.empty()) Explorer::fail("no room in a ring that has room");
    for_each_shadow(room.data(), [](Shadow& shadow) { Explorer::note_write(shadow); });
    const std::array<std::uint64_t, 2> content{value, value};
    std::memcpy(room.data(), content.data(), sizeof content);
    producer.stage(kFrameBytes);
    if (hand_over) producer.flush();
  }
  // False: there is none.
  bool take(std::uint64_t expected) {
    std::span<const std::byte> frame;
    const auto taken = consumer.peek(frame);
    if (taken == RingConsumer::Take::kEmpty) return false;
    if (taken == RingConsumer::Take::kCorrupt || frame.size() != kFrameBytes) Explorer::fail("the ring is corrupt");
    for_each_shadow(frame.data(), [](Shadow& shadow) { Explorer::note_read(shadow); });
    std::array<std::uint64_t, 2> content{};
    std::memcpy(content.data(), frame.data(), sizeof content);
    if (content[0] != expected || content[1] != expected) Explorer::fail("a record is lost, torn, or comes twice");
    consumer.pop();
    consumer.release();
    return true;
  }

  Word64 tail;
  Word64 head;
  alignas(8) std::array<std::byte, 64> data{};
  RingProducer producer{tail, head, data};
  RingConsumer consumer{head, tail, data};

 private:
  template <class Do>
  void for_each_shadow(const std::byte* content, Do act) {
    const auto first = static_cast<std::size_t>(content - data.data()) / 8;
    for (std::size_t i = 0; i < kFrameBytes / 8; ++i) act(shadows_[first + i]);
  }
  std::array<Shadow, 8> shadows_;
};

// -- the ring: four records, of which two have room --

enum class RingMistake { kNone, kTailStore, kTailLoad, kHeadStore, kHeadLoad };

class RingScenario : public Scenario {
 public:
  // The first `at_once` records are handed over together, the others one by one.
  explicit RingScenario(RingMistake mistake, std::uint64_t at_once = 1) : at_once_(at_once) {
    constexpr auto kRelaxed = std::memory_order_relaxed;
    if (mistake == RingMistake::kTailStore) ring_.tail.strongest_store = kRelaxed;
    if (mistake == RingMistake::kTailLoad) ring_.tail.strongest_load = kRelaxed;
    if (mistake == RingMistake::kHeadStore) ring_.head.strongest_store = kRelaxed;
    if (mistake == RingMistake::kHeadLoad) ring_.head.strongest_load = kRelaxed;
  }
  void run(int thread) override {
    for (std::uint64_t value = 1; value <= kRecords; ++value) {
      if (thread == 0) {
        ring_.send(value, value >= at_once_);
      } else {
        while (!ring_.take(value)) {
          Explorer::await([&] { return ring_.tail.value != ring_.consumer.position(); });
        }
      }
    }
  }
  void check() override {
    if (ring_.consumer.position() != ring_.producer.position()) Explorer::fail("something is left");
  }

 private:
  static constexpr std::uint64_t kRecords = 4;
  const std::uint64_t at_once_;
  Ring ring_;
};

Explorer::Result explore_ring(RingMistake mistake, std::uint64_t at_once = 1) {
  return Explorer::explore([&] { return std::make_unique<RingScenario>(mistake, at_once); }, 8);
}

TEST(RingInterleaving, RecordsHandedOverTogetherArriveWholeInEveryOrder) {
  EXPECT_EQ(explore_ring(RingMistake::kNone, 2).failure, "");
  EXPECT_NE(explore_ring(RingMistake::kTailStore, 2).failure, "");
}

TEST(RingInterleaving, EveryRecordArrivesWholeInEveryOrder) {
  const auto result = explore_ring(RingMistake::kNone);
  EXPECT_EQ(result.failure, "");
  std::cout << result.schedules << " schedules\n";
}

TEST(RingInterleaving, EveryOrderThatIsMissingIsFound) {
  EXPECT_EQ(explore_ring(RingMistake::kTailStore).failure, "bytes are read before they are there");
  EXPECT_EQ(explore_ring(RingMistake::kTailLoad).failure, "bytes are read before they are there");
  EXPECT_EQ(explore_ring(RingMistake::kHeadStore).failure, "bytes are overwritten while they may be read");
  EXPECT_EQ(explore_ring(RingMistake::kHeadLoad).failure, "bytes are overwritten while they may be read");
}

// -- claim words: the worker claims three records in order, the host takes them back from the end --

class ClaimScenario : public Scenario {
 public:
  explicit ClaimScenario(Word::Swap swap) {
    // One lap has passed: what the words hold is of the records before.
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      words_[i].swap = swap;
      if (i == 1) {
        (void)host_.try_revoke(kFirstSequence + i);
      } else {
        (void)worker_.try_claim(kFirstSequence + i);
      }
      host_.settle(kFirstSequence + i);
    }
  }
  void run(int thread) override {
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      if (thread == 0) {
        const std::uint64_t record = kRecords - 1 - i;
        const auto revoke = host_.try_revoke(kSecondLap + record);
        is_revoked_[record] = revoke == HostClaims::Revoke::kRevoked;
        if (revoke == HostClaims::Revoke::kCorrupt) Explorer::fail("a sound worker is condemned");
      } else {
        is_claimed_[i] = worker_.try_claim(kSecondLap + i);
      }
    }
  }
  void check() override {
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      if (is_claimed_[i] == is_revoked_[i]) Explorer::fail("a record has not one owner");
      const auto state = host_.state(kSecondLap + i);
      if ((state == HostClaims::State::kRevoked) != is_revoked_[i]) Explorer::fail("the host has it wrong");
    }
  }

 private:
  static constexpr std::uint64_t kRecords = 3;
  static constexpr std::uint64_t kSecondLap = kFirstSequence + kClaims;
  ClaimWords words_;
  HostClaims host_{words_};
  WorkerClaims worker_{words_};
  std::array<bool, kRecords> is_revoked_{};
  std::array<bool, kRecords> is_claimed_{};
};

Explorer::Result explore_claims(Word::Swap swap) {
  return Explorer::explore([&] { return std::make_unique<ClaimScenario>(swap); }, 20);
}

TEST(ClaimInterleaving, EveryRecordHasOneOwnerInEveryOrder) {
  const auto result = explore_claims(Word::Swap::kAtomic);
  EXPECT_EQ(result.failure, "");
  std::cout << result.schedules << " schedules\n";
}

TEST(ClaimInterleaving, AWordThatIsNotComparedAndSwappedIsFound) {
  EXPECT_NE(explore_claims(Word::Swap::kLoadAndStore).failure, "");
}

// -- parking: a host and a worker that sleep, as in HostChannel, WorkerChannel and Scheduler::lead() --

enum class ParkMistake {
  kNone,
  kHostPublishes,
  kWorkerPublishes,
  kHostAnnounces,
  kWorkerAnnounces,
  kHostLooksOnce,
  kWorkerLooksOnce,
  kNoLastCall
};

class ParkScenario : public Scenario {
 public:
  ParkScenario(ParkMode mode, ParkMistake mistake) : mode_(mode), mistake_(mistake) {
    constexpr auto kRelease = std::memory_order_release;
    if (mistake == ParkMistake::kHostPublishes) requests_.tail.strongest_store = kRelease;
    if (mistake == ParkMistake::kWorkerPublishes) responses_.tail.strongest_store = kRelease;
    if (mistake == ParkMistake::kHostAnnounces) host_word_.swap = Word::Swap::kLoadAndStore;
    if (mistake == ParkMistake::kWorkerAnnounces) worker_word_.strongest_store = kRelease;
  }
  void run(int thread) override { thread == 0 ? run_host() : run_worker(); }
  void check() override {}

 private:
  static constexpr std::uint64_t kCalls = 2;

  void run_host() {
    for (std::uint64_t call = 1; call <= kCalls; ++call) {
      requests_.send(call);
      if (worker_watch_.must_ring()) ++worker_bell_;
      while (!responses_.take(call)) {
        host_park_.set(mode_);
        if (mistake_ == ParkMistake::kHostLooksOnce || !responses_.consumer.has_frames()) {
          Explorer::await([&] { return host_bell_; });
          host_bell_ = false;
        }
        host_park_.set(ParkMode::kAwake);
      }
    }
  }
  void run_worker() {
    for (std::uint64_t call = 1; call <= kCalls; ++call) {
      while (!requests_.take(call)) {
        call_last();
        worker_park_.announce();
        if (mistake_ == ParkMistake::kWorkerLooksOnce || !requests_.consumer.has_frames()) {
          Explorer::await([&] { return worker_bell_ > 0; });
          --worker_bell_;
        }
        worker_park_.leave();
      }
      responses_.send(call);
      // A ring that is never half full: a lazy pump is told before the worker sleeps.
      ring(host_watch_.after_publish([] { return false; }));
    }
    call_last();
  }
  void call_last() {
    if (mistake_ == ParkMistake::kNoLastCall || !responses_.producer.holds_at_least(1)) return;
    ring(host_watch_.before_wait());
  }
  void ring(Bell bell) { host_bell_ = host_bell_ || bell != Bell::kNone; }

  const ParkMode mode_;
  const ParkMistake mistake_;
  Ring requests_;
  Ring responses_;
  Word64 host_word_;
  Word64 worker_word_;
  HostPark host_park_{host_word_};
  HostParkWatch host_watch_{host_word_};
  WorkerPark worker_park_{worker_word_};
  WorkerParkWatch worker_watch_{worker_word_};
  // A semaphore counts, an eventfd does not.
  int worker_bell_ = 0;
  bool host_bell_ = false;
};

Explorer::Result explore_parking(ParkMode mode, ParkMistake mistake) {
  return Explorer::explore([&] { return std::make_unique<ParkScenario>(mode, mistake); }, 4);
}

class ParkInterleaving : public ::testing::TestWithParam<ParkMode> {};

TEST_P(ParkInterleaving, LosesNoWakeUpInAnyOrder) {
  const auto result = explore_parking(GetParam(), ParkMistake::kNone);
  EXPECT_EQ(result.failure, "");
  std::cout << result.schedules << " schedules\n";
}

TEST_P(ParkInterleaving, EveryRuleThatIsBrokenIsFound) {
  for (const auto mistake :
       {ParkMistake::kHostPublishes, ParkMistake::kWorkerPublishes, ParkMistake::kHostAnnounces,
        ParkMistake::kWorkerAnnounces, ParkMistake::kHostLooksOnce, ParkMistake::kWorkerLooksOnce}) {
    EXPECT_NE(explore_parking(GetParam(), mistake).failure, "") << static_cast<int>(mistake);
  }
}

// kPumpEager is kLeaderParked with another bell.
INSTANTIATE_TEST_SUITE_P(Modes, ParkInterleaving, ::testing::Values(ParkMode::kLeaderParked, ParkMode::kPumpLazy),
                         [](const auto& mode) { return mode.param == ParkMode::kPumpLazy ? "Lazy" : "Leader"; });

TEST(LazyPump, IsNeverToldWithoutTheLastCall) {
  EXPECT_NE(explore_parking(ParkMode::kPumpLazy, ParkMistake::kNoLastCall).failure, "");
}

}  // namespace
}  // namespace bulkhead::ipc::testing
