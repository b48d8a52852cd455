#include "process/event_loop.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <future>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>

#include "bulkhead/error.hpp"
#include "support/eventually.hpp"
#include "support/leak_check.hpp"
#include "support/logging.hpp"

namespace bulkhead::process {
namespace {

using namespace std::chrono_literals;
using support::Deadline;
using support::UniqueFd;
using test::eventually;

UniqueFd make_event() { return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }
void ring(const UniqueFd& event) {
  const std::uint64_t one = 1;
  ASSERT_EQ(::write(event.get(), &one, sizeof one), 8);
}
void consume(const UniqueFd& event) {
  std::uint64_t count = 0;
  ASSERT_EQ(::read(event.get(), &count, sizeof count), 8);
}

TEST(EventLoop, RunsWhatIsPostedInOrderOnItsThread) {
  EventLoop loop;
  std::vector<int> seen;
  bool was_on_loop = true;
  for (int i = 0; i < 100; ++i) {
    loop.post([&, i] {
      seen.push_back(i);
      was_on_loop = was_on_loop && loop.is_loop_thread();
    });
  }
  loop.run_sync([] {});
  ASSERT_EQ(seen.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
  EXPECT_TRUE(was_on_loop);
  EXPECT_FALSE(loop.is_loop_thread());
}

TEST(EventLoop, ThrowsInRunSyncWhatTheFunctionThrew) {
  EventLoop loop;
  EXPECT_THROW(loop.run_sync([] { throw std::domain_error("no"); }), std::domain_error);
  int runs = 0;
  loop.run_sync([&] { ++runs; });
  EXPECT_EQ(runs, 1);
}

TEST(EventLoop, RunsRunSyncInPlaceOnItsOwnThread) {
  EventLoop loop;
  int depth = 0;
  loop.run_sync([&] { loop.run_sync([&] { loop.run_sync([&] { depth = 3; }); }); });
  EXPECT_EQ(depth, 3);
}

TEST(EventLoop, RunsRunSyncInPlaceOnceItEnded) {
  EventLoop loop;
  loop.stop();
  loop.stop();
  bool ran = false;
  loop.run_sync([&] { ran = true; });
  EXPECT_TRUE(ran);
}

TEST(EventLoop, RunsWhatWasPostedBeforeStop) {
  EventLoop loop;
  int runs = 0;
  for (int i = 0; i < 1000; ++i) loop.post([&] { ++runs; });
  loop.stop();
  EXPECT_EQ(runs, 1000);
}

TEST(EventLoop, GoesOnAfterACallbackThrew) {
  std::string logged;
  support::Log log(support::LogLevel::kError, [&](support::LogLevel, std::string_view text) { logged = text; });
  EventLoop loop(&log);
  loop.post([] { throw std::runtime_error("broken callback"); });
  bool ran = false;
  loop.run_sync([&] { ran = true; });
  EXPECT_TRUE(ran);
  EXPECT_NE(logged.find("broken callback"), std::string::npos) << logged;
}

TEST(EventLoop, TellsWhenAnAllocationFailedOnceTheCallbackIsOver) {
  EventLoop loop;
  std::vector<std::string> seen;
  std::optional<EventLoop::MemoryWatch> first;
  std::optional<EventLoop::MemoryWatch> second;
  loop.run_sync([&] {
    first.emplace(loop, [&] { seen.emplace_back("first"); });
    second.emplace(loop, [&] { seen.emplace_back("second"); });
  });
  loop.post([&] {
    seen.emplace_back("callback");
    throw std::bad_alloc();
  });
  loop.run_sync([] {});
  loop.run_sync([] {});  // a round later
  EXPECT_EQ(seen, (std::vector<std::string>{"callback", "second", "first"}));
  loop.run_sync([&] { second.reset(); });
  loop.out_of_memory();
  loop.run_sync([] {});
  loop.run_sync([] {});
  EXPECT_EQ(seen, (std::vector<std::string>{"callback", "second", "first", "first"}));
  loop.run_sync([&] { first.reset(); });
}

TEST(EventLoop, CallsAWatchWheneverItsDescriptorIsReadable) {
  EventLoop loop;
  const UniqueFd event = make_event();
  std::atomic<int> calls = 0;
  EventLoop::Watch watch;
  loop.run_sync([&] {
    watch = loop.watch(event.get(), [&] {
      consume(event);
      ++calls;
    });
  });
  ring(event);
  EXPECT_TRUE(eventually(10s, [&] { return calls == 1; }));
  ring(event);
  EXPECT_TRUE(eventually(10s, [&] { return calls == 2; }));
  loop.run_sync([&] { watch.reset(); });
  ring(event);
  loop.run_sync([] {});
  EXPECT_EQ(calls, 2);
}

TEST(EventLoop, LetsACallbackDestroyItsOwnWatchAndOthers) {
  EventLoop loop;
  const UniqueFd first = make_event();
  const UniqueFd second = make_event();
  EventLoop::Watch first_watch;
  EventLoop::Watch second_watch;
  std::atomic<int> calls = 0;
  loop.run_sync([&] {
    const auto destroy_both = [&] {
      ++calls;
      first_watch.reset();
      second_watch.reset();
    };
    first_watch = loop.watch(first.get(), destroy_both);
    second_watch = loop.watch(second.get(), destroy_both);
    // Both are ready before the loop looks: the second must not be called any more.
    ring(first);
    ring(second);
  });
  EXPECT_TRUE(eventually(10s, [&] { return calls == 1; }));
  loop.run_sync([] {});
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, RefusesADescriptorThatCannotBeWatched) {
  EventLoop loop;
  bool refused = false;
  loop.run_sync([&] {
    try {
      const auto watch = loop.watch(-1, [] {});
    } catch (const ResourceError&) {
      refused = true;
    }
  });
  EXPECT_TRUE(refused);
}

TEST(EventLoop, RunsTimersInOrderOfTheirDeadlinesNeverEarly) {
  EventLoop loop;
  std::mutex mutex;
  std::vector<int> order;
  bool was_early = false;
  std::vector<EventLoop::Timer> timers;
  std::promise<void> done;
  const auto start = Deadline::Clock::now();
  for (const int ms : {30, 10, 20, 0}) {
    const auto when = start + std::chrono::milliseconds(ms);
    timers.push_back(loop.at(Deadline::at(when), [&, when, ms] {
      const std::lock_guard lock(mutex);
      was_early = was_early || Deadline::Clock::now() < when;
      order.push_back(ms);
      if (ms == 30) done.set_value();
    }));
  }
  done.get_future().wait();
  const std::lock_guard lock(mutex);
  EXPECT_EQ(order, (std::vector<int>{0, 10, 20, 30}));
  EXPECT_FALSE(was_early);
}

TEST(EventLoop, DoesNotRunATimerThatWasTakenBack) {
  EventLoop loop;
  std::atomic<int> runs = 0;
  auto dropped = loop.at(Deadline::after(1ms), [&] { runs += 100; });
  loop.run_sync([&] { dropped.reset(); });
  const int before = runs;  // 0, or 100 when it ran before it could be taken back
  auto kept = loop.at(Deadline::after(5ms), [&] { runs += 1; });
  EXPECT_TRUE(eventually(10s, [&] { return runs == before + 1; }));
  const auto never = loop.at(Deadline::never(), [&] { runs += 1000; });
  loop.run_sync([] {});
  EXPECT_EQ(runs, before + 1);
}

TEST(EventLoop, KeepsEarlierTimersWhenALaterOneIsAddedAndTheNearestTakenBack) {
  EventLoop loop;
  std::atomic<bool> ran = false;
  auto later = loop.at(Deadline::after(20ms), [&] { ran = true; });
  {
    const auto nearest = loop.at(Deadline::after(5ms), [] {});
  }
  const auto far = loop.at(Deadline::after(1h), [] {});
  EXPECT_TRUE(eventually(10s, [&] { return ran.load(); }));
}

TEST(EventLoop, LetsATimerSetTheNext) {
  EventLoop loop;
  std::atomic<int> turns = 0;
  EventLoop::Timer timer;
  std::function<void()> again = [&] {
    if (++turns < 20) timer = loop.at(Deadline::after(100us), again);
  };
  loop.run_sync([&] { timer = loop.at(Deadline::after(0ns), again); });
  EXPECT_TRUE(eventually(10s, [&] { return turns == 20; }));
}

TEST(EventLoop, BlocksAllSignalsInItsThread) {
  EventLoop loop;
  sigset_t mask;
  loop.run_sync([&] { ::pthread_sigmask(SIG_SETMASK, nullptr, &mask); });
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD, SIGALRM, SIGUSR1, SIGPIPE}) {
    EXPECT_EQ(sigismember(&mask, signal), 1) << signal;
  }
  sigset_t own;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &own);
  EXPECT_EQ(sigismember(&own, SIGINT), 0) << "the caller's mask must be as it was";
}

TEST(EventLoop, SleepsWithoutWakingUpWhenIdle) {
  EventLoop loop;
  const auto far = loop.at(Deadline::after(1h), [] {});
  const auto voluntary_switches = [&] {
    rusage usage{};
    loop.run_sync([&] { ::getrusage(RUSAGE_THREAD, &usage); });
    return usage.ru_nvcsw;
  };
  const long before = voluntary_switches();
  std::this_thread::sleep_for(300ms);  // the time in which nothing may happen, not a wait for something
  // The question itself wakes it once.
  EXPECT_LE(voluntary_switches() - before, 2);
}

TEST(EventLoop, LosesNothingPostedByManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 5000;
  EventLoop loop;
  int runs = 0;  // touched on the loop thread only
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < kPosts; ++k) loop.post([&] { ++runs; });
    });
  }
  for (auto& thread : threads) thread.join();
  loop.stop();
  EXPECT_EQ(runs, kThreads * kPosts);
}

}  // namespace
}  // namespace bulkhead::process
