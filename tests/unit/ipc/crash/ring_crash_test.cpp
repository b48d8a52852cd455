// A worker that is killed at every step between two words of the channel: what it published is there and whole, and of
// each record the host knows whether it may have run.

#include "mortal_atomic.hpp"
// The atomics of the headers below.
#define BULKHEAD_IPC_ATOMIC ::bulkhead::ipc::testing::MortalAtomic

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <system_error>
#include <vector>

#include "ipc/claim_table.hpp"
#include "ipc/spsc_ring.hpp"

namespace bulkhead::ipc::testing {
namespace {

constexpr std::size_t kCapacity = 512;
constexpr std::uint64_t kMostRecords = 6;

struct RingMemory {
  alignas(64) Atomic<std::uint64_t> tail;
  alignas(64) Atomic<std::uint64_t> head;
  alignas(64) std::array<std::byte, kCapacity> data;
};

// What the two processes share. The last words are the worker's own account, which dies with it as a worker's would not:
// the host of a real worker has only what lies before them.
struct Shared {
  RingMemory requests;
  RingMemory responses;
  ClaimWords claims;
  // Records whose claim has returned, and whose reply was published.
  std::atomic<std::uint64_t> claimed;
  std::atomic<std::uint64_t> published;
};

// Where the worker was when it died, and what had to be true.
struct Tally {
  std::uint64_t cycles = 0;
  std::uint64_t killed = 0;
  std::uint64_t replies = 0;
  std::uint64_t revoked = 0;
  std::uint64_t begun = 0;  // claimed without a reply
};

// A record of any length, which tells whether it is whole.
std::vector<std::byte> content_of(std::uint64_t id, std::size_t bytes) {
  std::vector<std::byte> content(bytes);
  for (std::size_t i = 0; i < bytes; ++i) content[i] = static_cast<std::byte>(id * 131 + i * 7 + bytes);
  return content;
}

// Byte by byte, as far as it comes.
void copy_slowly(std::span<std::byte> to, std::span<const std::byte> from) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    to[i] = from[i];
    if (i % 16 == 0) step();
  }
}

class RingCrashTest : public ::testing::Test {
 protected:
  void SetUp() override {
    void* const at = ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(at, MAP_FAILED);
    memory_ = at;
  }
  void TearDown() override { ::munmap(memory_, sizeof(Shared)); }

  // One life of a worker, which dies at step `steps`. False: it came to its end before.
  [[nodiscard]] bool run(std::uint64_t seed, std::int64_t steps, Tally& tally) {
    std::mt19937_64 random(seed);
    auto* const shared = new (memory_) Shared{};
    RingProducer offers(shared->requests.tail, shared->requests.head, shared->requests.data);
    RingConsumer requests(shared->requests.head, shared->requests.tail, shared->requests.data);
    RingProducer answers(shared->responses.tail, shared->responses.head, shared->responses.data);
    RingConsumer responses(shared->responses.head, shared->responses.tail, shared->responses.data);
    HostClaims host_claims(shared->claims);
    WorkerClaims worker_claims(shared->claims);

    // So that every place of the rings is the end once.
    const auto turns = random() % 8;
    for (std::uint64_t i = 0; i < turns; ++i) {
      const auto bytes = 1 + random() % 100;
      pass_through(offers, requests, bytes);
      pass_through(answers, responses, bytes);
    }
    const std::uint64_t count = 1 + random() % kMostRecords;
    std::vector<std::size_t> sizes;
    for (std::uint64_t i = 0; i < count; ++i) {
      sizes.push_back(1 + random() % 48);
      const auto content = content_of(i, sizes.back());
      const auto room = offers.try_reserve(content.size());
      if (room.empty()) {
        sizes.pop_back();
        break;
      }
      std::memcpy(room.data(), content.data(), content.size());
      offers.publish(content.size());
    }
    // One is taken back before the worker starts, one while it runs.
    std::vector<bool> is_revoked(sizes.size());
    const auto revoke = [&](std::uint64_t record) {
      using Revoke = HostClaims::Revoke;
      const auto outcome = host_claims.try_revoke(kFirstSequence + record);
      EXPECT_NE(outcome, Revoke::kCorrupt);
      is_revoked[record] = outcome == Revoke::kRevoked;
    };
    if (random() % 4 == 0) revoke(random() % sizes.size());

    const pid_t worker = ::fork();
    if (worker == 0) {
      steps_left = steps;
      work(*shared, sizes, requests, answers, worker_claims);
      ::_exit(0);
    }
    if (worker < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (random() % 4 == 0) revoke(sizes.size() - 1);
    int status = 0;
    while (::waitpid(worker, &status, 0) < 0 && errno == EINTR) {
    }
    const bool was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    EXPECT_TRUE(was_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << "status " << status;

    ++tally.cycles;
    tally.killed += was_killed ? 1 : 0;
    check(*shared, sizes, responses, host_claims, is_revoked, was_killed, tally);
    // The counter of requests taken is one that the host can believe.
    (void)offers.try_reserve(offers.max_frame_bytes());
    EXPECT_FALSE(offers.peer_is_corrupt());
    return was_killed;
  }

 private:
  static void pass_through(RingProducer& producer, RingConsumer& consumer, std::size_t bytes) {
    ASSERT_FALSE(producer.try_reserve(bytes).empty());
    producer.publish(bytes);
    std::span<const std::byte> frame;
    ASSERT_EQ(consumer.peek(frame), RingConsumer::Take::kFrame);
    consumer.pop();
    consumer.release();
  }

  // As WorkerChannel and Executor do it.
  static void work(Shared& shared, const std::vector<std::size_t>& sizes, RingConsumer& requests, RingProducer& answers,
                   WorkerClaims& claims) {
    for (std::uint64_t record = 0; record < sizes.size(); ++record) {
      std::span<const std::byte> frame;
      if (requests.peek(frame) != RingConsumer::Take::kFrame) ::_exit(1);
      requests.pop();
      const bool is_claimed = claims.try_claim(kFirstSequence + record);
      if (!is_claimed) {
        requests.release();
        continue;
      }
      shared.claimed.fetch_or(std::uint64_t{1} << record);
      const auto room = answers.try_reserve(1 + frame.size());
      if (room.empty()) ::_exit(2);
      room[0] = static_cast<std::byte>(record);
      copy_slowly(room.subspan(1), frame);
      requests.release();
      answers.publish(1 + frame.size());
      shared.published.fetch_or(std::uint64_t{1} << record);
    }
  }

  static void check(const Shared& shared, const std::vector<std::size_t>& sizes, RingConsumer& responses,
                    const HostClaims& claims, const std::vector<bool>& is_revoked, bool was_killed, Tally& tally) {
    std::uint64_t answered = 0;
    std::span<const std::byte> frame;
    auto take = responses.peek(frame);
    for (; take == RingConsumer::Take::kFrame; take = responses.peek(frame)) {
      ASSERT_FALSE(frame.empty());
      const auto record = static_cast<std::uint64_t>(frame[0]);
      ASSERT_LT(record, sizes.size());
      ASSERT_EQ(answered >> record & 1, 0U) << "answered twice";
      ASSERT_TRUE(std::ranges::equal(frame.subspan(1), content_of(record, sizes[record]))) << "torn";
      answered |= std::uint64_t{1} << record;
      responses.pop();
      responses.release();
    }
    ASSERT_EQ(take, RingConsumer::Take::kEmpty);
    EXPECT_EQ(shared.published & ~answered, 0U) << "lost a published answer";

    int begun = 0;
    for (std::uint64_t record = 0; record < sizes.size(); ++record) {
      const auto state = claims.state(kFirstSequence + record);
      EXPECT_NE(state, HostClaims::State::kCorrupt);
      EXPECT_EQ(state == HostClaims::State::kRevoked, is_revoked[record]);
      const bool is_answered = (answered >> record & 1) != 0;
      const bool is_claimed = state == HostClaims::State::kClaimed;
      if (is_answered || (shared.claimed >> record & 1) != 0) {
        EXPECT_TRUE(is_claimed) << "ran, and the host does not know";
      }
      begun += is_claimed && !is_answered ? 1 : 0;
      if (!was_killed) {
        EXPECT_EQ(is_answered, !is_revoked[record]);
      }
      tally.replies += is_answered ? 1 : 0;
      tally.revoked += is_revoked[record] ? 1 : 0;
    }
    EXPECT_LE(begun, 1) << "more than one may be running";
    tally.begun += static_cast<std::uint64_t>(begun);
  }

  void* memory_ = nullptr;
};

TEST_F(RingCrashTest, AtEveryStepLosesNothingPublishedAndTearsNothing) {
  const char* const given = std::getenv("BULKHEAD_TEST_SEED");
  std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  const char* const cycles = std::getenv("BULKHEAD_TEST_CYCLES");  // more, for nights
  const std::uint64_t wanted = cycles != nullptr ? std::strtoull(cycles, nullptr, 10) : 3000;
  std::cout << "seed (BULKHEAD_TEST_SEED): " << seed << std::endl;
  Tally tally;
  std::int64_t longest = 0;
  for (; tally.cycles < wanted; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::int64_t steps = 0;
    while (run(seed, steps, tally)) ++steps;
    longest = std::max(longest, steps);
    if (HasFailure()) return;
  }
  EXPECT_GT(longest, 30);
  EXPECT_GT(tally.begun, 0U);
  EXPECT_GT(tally.revoked, 0U);
  std::cout << tally.cycles << " workers, " << tally.killed << " killed, at up to " << longest << " steps; "
            << tally.replies << " answers whole, " << tally.begun << " begun without one, " << tally.revoked
            << " taken back" << std::endl;
}

}  // namespace
}  // namespace bulkhead::ipc::testing
