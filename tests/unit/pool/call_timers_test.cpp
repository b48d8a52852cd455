#include "pool/call_timers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace bulkhead::pool {
namespace {

using Clock = CallTimers::Clock;

Clock::time_point at(int ms) { return Clock::time_point(std::chrono::milliseconds(ms)); }

TEST(CallTimers, AnEmptyOneIsNeverDue) {
  CallTimers timers;
  EXPECT_EQ(timers.earliest(), Clock::time_point::max());
  EXPECT_EQ(timers.take_due(Clock::time_point::max()), nullptr);
}

TEST(CallTimers, TakesOutWhatIsDueInOrderWhateverWasSetMovedOrRemoved) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<Call> calls(500);
  std::vector<int> due(calls.size(), -1);
  CallTimers timers;
  for (int step = 0; step < 5000; ++step) {
    const std::size_t which = random() % calls.size();
    if (!calls[which].extras) calls[which].extras = std::make_unique<CallExtras>();
    if (random() % 3 == 0) {
      timers.remove(calls[which]);
      due[which] = -1;
    } else {
      due[which] = static_cast<int>(random() % 1000);
      timers.set(calls[which], at(due[which]));
    }
  }
  std::vector<int> wanted;
  for (const int when : due) {
    if (when >= 0 && when <= 700) wanted.push_back(when);
  }
  std::sort(wanted.begin(), wanted.end());
  std::vector<int> taken;
  while (Call* call = timers.take_due(at(700))) taken.push_back(due[static_cast<std::size_t>(call - calls.data())]);
  EXPECT_EQ(taken, wanted);
  EXPECT_GT(timers.earliest(), at(700));
}

}  // namespace
}  // namespace bulkhead::pool
