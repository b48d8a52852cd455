// Every submitted task reaches exactly one verdict, whatever is asked of it, and the host's memory stays as it is.
#include <deque>
#include <fstream>
#include <map>
#include <random>

#include "limits_fixture.hpp"

extern "C" void __asan_init() __attribute__((weak));

namespace bulkhead::test {
namespace {

class VerdictsTest : public LimitsTest {
 protected:
  struct Task {
    std::int64_t number;
    AsyncResult<std::int64_t> result;
  };

  void take_verdict(const Task& task) {
    try {
      EXPECT_EQ(task.result.get(), task.number + 1);
      ++verdicts_["result"];
    } catch (const Error& error) {
      ++verdicts_[std::string(name_of(error.code()))];
    }
  }

  std::map<std::string, std::uint64_t> verdicts_;
};

TEST_F(VerdictsTest, OfTasksWithRandomPrioritiesDeadlinesAndCancellationsAreExactlyAsManyAsTasks) {
  const char* asked = std::getenv("BULKHEAD_TEST_TASKS");
  const std::int64_t tasks = asked != nullptr ? std::stoll(asked) : 200'000;
  constexpr std::size_t kOutstanding = 20'000;
  std::mt19937 random(random_seed());
  auto pool = engine_.pool({.processes = 4});
  std::deque<Task> open;
  std::uint64_t memory = 0;
  for (std::int64_t i = 0; i < tasks; ++i) {
    CallOptions<std::int64_t> options;
    const auto kind = random() % 20;
    if (kind < 5) options.priority = static_cast<int>(random() % 8);
    if (kind >= 4 && kind < 7) {
      options.deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 3000);
    }
    if (kind == 7) options.timeout = 10s;
    open.push_back({i, pool.apply_async<std::int64_t>("echo.add", std::move(options), i, 1)});
    if (kind == 8 || kind == 9) open[random() % open.size()].result.cancel();
    if (kind == 10) open.back().result.cancel();
    while (open.size() >= kOutstanding) {
      take_verdict(open.front());
      open.pop_front();
    }
    if (i == tasks / 2) memory = anonymous_bytes();
  }
  while (!open.empty()) {
    take_verdict(open.front());
    open.pop_front();
  }
  const std::uint64_t grown = std::max(anonymous_bytes(), memory) - memory;
  std::uint64_t sum = 0;
  for (const auto& [verdict, count] : verdicts_) {
    std::cout << verdict << ": " << count << std::endl;
    sum += count;
  }
  std::cout << "host memory in the second half: + " << (grown >> 10) << " KiB" << std::endl;
  EXPECT_EQ(sum, static_cast<std::uint64_t>(tasks));
  EXPECT_EQ(verdicts_["WorkerLost"], 0u);
  // AddressSanitizer keeps what was freed.
  const bool frees = &__asan_init == nullptr;
  EXPECT_TRUE(!frees || grown <= 4u << 20) << grown;
  for (const auto& task : pool.stats().tasks) {
    EXPECT_EQ(task.submitted, static_cast<std::uint64_t>(tasks));
    EXPECT_EQ(task.submitted, task.done + task.failed + task.lost + task.timed_out + task.cancelled + task.dropped);
    EXPECT_EQ(task.done, verdicts_["result"]);
    EXPECT_EQ(task.timed_out, verdicts_["TaskTimeout"]);
    EXPECT_EQ(task.cancelled, verdicts_["TaskCancelled"]);
  }
}

}  // namespace
}  // namespace bulkhead::test
