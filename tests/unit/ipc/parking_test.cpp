#include "ipc/parking.hpp"

#include <gtest/gtest.h>
#include <semaphore.h>

#include <chrono>
#include <ctime>
#include <thread>

#include "ipc/doorbell.hpp"
#include "ipc/spin.hpp"
#include "ring_fixture.hpp"

namespace bulkhead::ipc {
namespace {

using std::chrono::seconds;
using support::Deadline;
using testing::Ring;
using testing::Seed;

constexpr auto kNever = [] { return false; };
constexpr auto kAlways = [] { return true; };

class HostWord : public ::testing::Test {
 protected:
  std::atomic<std::uint64_t> word_{0};
  HostPark park_{word_};
  HostParkWatch watch_{word_};
};

TEST_F(HostWord, RingsNobodyWhileTheHostIsAwake) {
  EXPECT_EQ(watch_.after_publish(kAlways), Bell::kNone);
  EXPECT_EQ(watch_.before_wait(), Bell::kNone);
}

TEST_F(HostWord, RingsTheLeaderOncePerAnnouncement) {
  park_.set(ParkMode::kLeaderParked);
  EXPECT_EQ(watch_.after_publish(kNever), Bell::kLeader);
  EXPECT_EQ(watch_.after_publish(kAlways), Bell::kNone);
  EXPECT_EQ(watch_.before_wait(), Bell::kNone);
}

TEST_F(HostWord, RingsAgainWhenTheSameModeIsAnnouncedAgain) {
  park_.set(ParkMode::kLeaderParked);
  ASSERT_EQ(watch_.after_publish(kNever), Bell::kLeader);
  park_.set(ParkMode::kLeaderParked);
  EXPECT_EQ(watch_.after_publish(kNever), Bell::kLeader);
}

TEST_F(HostWord, RingsALazyPumpOnlyAtHalfFullOrBeforeWaiting) {
  park_.set(ParkMode::kPumpLazy);
  EXPECT_EQ(watch_.after_publish(kNever), Bell::kNone);
  EXPECT_EQ(watch_.after_publish(kAlways), Bell::kPump);
  park_.set(ParkMode::kPumpLazy);
  EXPECT_EQ(watch_.before_wait(), Bell::kPump);
}

TEST_F(HostWord, RingsAnEagerPumpAtEveryResult) {
  park_.set(ParkMode::kPumpEager);
  EXPECT_EQ(watch_.after_publish(kNever), Bell::kPump);
}

TEST_F(HostWord, TellsItsMode) {
  EXPECT_EQ(park_.mode(), ParkMode::kAwake);
  park_.set(ParkMode::kPumpLazy);
  EXPECT_EQ(park_.mode(), ParkMode::kPumpLazy);
  park_.set(ParkMode::kAwake);
  EXPECT_EQ(park_.mode(), ParkMode::kAwake);
}

TEST_F(HostWord, AnnouncementsOfTwoThreadsHaveDifferentEpochs) {
  constexpr int kEach = 20'000;
  std::thread other([&] {
    for (int i = 0; i < kEach; ++i) park_.set(ParkMode::kPumpEager);
  });
  for (int i = 0; i < kEach; ++i) park_.set(ParkMode::kLeaderParked);
  other.join();
  EXPECT_EQ(word_.load() >> 2, 2U * kEach);
}

TEST(WorkerWord, IsRungOncePerPark) {
  std::atomic<std::uint64_t> word{0};
  WorkerPark park(word);
  WorkerParkWatch watch(word);
  EXPECT_FALSE(watch.must_ring());
  EXPECT_FALSE(watch.is_parked());
  park.announce();
  EXPECT_TRUE(watch.is_parked());
  EXPECT_TRUE(watch.must_ring());
  EXPECT_FALSE(watch.must_ring());
  park.leave();
  EXPECT_FALSE(watch.must_ring());
  park.announce();
  EXPECT_TRUE(watch.must_ring());
}

// A semaphore whose wait notices a lost wake-up instead of hanging.
class TestSemaphore {
 public:
  TestSemaphore() { sem_init(&semaphore_, 0, 0); }
  ~TestSemaphore() { sem_destroy(&semaphore_); }
  TestSemaphore(const TestSemaphore&) = delete;
  TestSemaphore& operator=(const TestSemaphore&) = delete;
  void ring() { sem_post(&semaphore_); }
  bool wait() {
    timespec until{};
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += 20;
    return sem_clockwait(&semaphore_, CLOCK_MONOTONIC, &until) == 0;
  }

 private:
  sem_t semaphore_;
};

// Host and worker of the real protocol as two threads over plain memory, so that TSan sees all of
// it.
class Pair {
 public:
  explicit Pair(const Seed& seed) : host_random_(seed.generator(1)), worker_random_(seed.generator(2)) {}

  void send(std::uint64_t value) {
    ASSERT_TRUE(requests_.try_send(std::as_bytes(std::span(&value, 1))));
    if (worker_watch_.must_ring()) worker_bell_.ring();
  }
  // The host's wait in a random mode; false: a wake-up was lost.
  bool host_wait() {
    for (auto spins = host_random_() % 64; spins-- > 0;) {
      if (responses_.consumer.has_frames()) return true;
      cpu_relax();
    }
    const ParkMode mode =
        std::array{ParkMode::kLeaderParked, ParkMode::kPumpEager, ParkMode::kPumpLazy}[host_random_() % 3];
    host_park_.set(mode);
    HostBell& bell = mode == ParkMode::kLeaderParked ? leader_ : pump_;
    const bool in_time = responses_.consumer.has_frames() || bell.wait(Deadline::after(seconds(20)));
    host_park_.set(ParkMode::kAwake);
    return in_time;
  }
  std::vector<std::byte> take_response() { return responses_.take(); }

  // Echoes `count` requests. False: a wake-up was lost.
  bool worker(std::uint64_t count) {
    while (count > 0) {
      const auto content = requests_.take();
      if (content.empty()) {
        if (!worker_wait()) return false;
        continue;
      }
      if (!responses_.try_send(content)) return false;
      ring(host_watch_.after_publish([this] { return responses_.producer.holds_at_least(2048); }));
      --count;
    }
    if (responses_.producer.holds_at_least(1)) ring(host_watch_.before_wait());
    return true;
  }

 private:
  bool worker_wait() {
    for (auto spins = worker_random_() % 64; spins-- > 0;) {
      if (requests_.consumer.has_frames()) return true;
      cpu_relax();
    }
    if (responses_.producer.holds_at_least(1)) ring(host_watch_.before_wait());
    worker_park_.announce();
    const bool in_time = requests_.consumer.has_frames() || worker_bell_.wait();
    worker_park_.leave();
    return in_time;
  }
  void ring(Bell bell) {
    if (bell != Bell::kNone) (bell == Bell::kLeader ? leader_ : pump_).ring();
  }

  Ring<4096> requests_;
  Ring<4096> responses_;
  alignas(64) std::atomic<std::uint64_t> host_word_{0};
  alignas(64) std::atomic<std::uint64_t> worker_word_{0};
  HostPark host_park_{host_word_};
  HostParkWatch host_watch_{host_word_};
  WorkerPark worker_park_{worker_word_};
  WorkerParkWatch worker_watch_{worker_word_};
  HostBell leader_ = HostBell::create();
  HostBell pump_ = HostBell::create();
  TestSemaphore worker_bell_;
  std::mt19937_64 host_random_;
  std::mt19937_64 worker_random_;
};

void exchange(std::uint64_t calls, std::uint64_t window) {
  const Seed seed;
  auto pair = std::make_unique<Pair>(seed);
  bool worker_in_time = false;
  std::thread worker([&] { worker_in_time = pair->worker(calls); });
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  bool host_in_time = true;
  while (received < calls && host_in_time) {
    while (sent < calls && sent - received < window) pair->send(sent++);
    for (auto response = pair->take_response(); !response.empty(); response = pair->take_response()) {
      std::uint64_t value = 0;
      std::memcpy(&value, response.data(), sizeof value);
      EXPECT_EQ(value, received);
      ++received;
    }
    if (received < sent) host_in_time = pair->host_wait();
  }
  worker.join();
  EXPECT_TRUE(host_in_time) << "the host's wake-up was lost after " << received << " of " << calls;
  EXPECT_TRUE(worker_in_time) << "the worker's wake-up was lost after " << received << " of " << calls;
}

TEST(Parking, LosesNoWakeUpInOneCallAfterAnother) { exchange(400'000, 1); }

TEST(Parking, LosesNoWakeUpWithManyCallsInFlight) { exchange(2'000'000, 100); }

}  // namespace
}  // namespace bulkhead::ipc
