#include "pool/callback_executor.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bulkhead/error.hpp"
#include "support/eventually.hpp"
#include "support/leak_check.hpp"

namespace bulkhead::pool {
namespace {

using namespace std::chrono_literals;

class CallbackExecutorTest : public ::testing::Test {
 protected:
  std::string logged() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  std::shared_ptr<support::Log> log_ =
      std::make_shared<support::Log>(support::LogLevel::kTrace, [this](support::LogLevel, std::string_view text) {
        const std::lock_guard lock(mutex_);
        text_ += text;
      });

 private:
  std::mutex mutex_;
  std::string text_;
};

TEST_F(CallbackExecutorTest, RunsWhatIsPostedInOrderOnOneThread) {
  std::vector<int> order;
  std::set<std::thread::id> threads;
  {
    CallbackExecutor executor(log_);
    for (int i = 0; i < 100; ++i) {
      executor.post([&, i] {
        order.push_back(i);
        threads.insert(std::this_thread::get_id());
      });
    }
  }
  ASSERT_EQ(order.size(), 100u) << "the destructor runs what was posted";
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(threads.size(), 1u);
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
}

TEST_F(CallbackExecutorTest, HasNoThreadBeforeTheFirstCallback) {
  const auto before = bulkhead::test::thread_count();
  const CallbackExecutor executor(log_);
  EXPECT_EQ(bulkhead::test::thread_count(), before);
}

TEST_F(CallbackExecutorTest, LogsWhatACallbackThrowsAndGoesOn) {
  std::atomic<bool> has_run = false;
  {
    CallbackExecutor executor(log_);
    executor.post([] { throw std::runtime_error("first trouble"); });
    executor.post([] { detail::raise<UsageError, std::logic_error>("second trouble"); });
    executor.post([] { throw 5; });
    executor.post([&] { has_run = true; });
  }
  EXPECT_TRUE(has_run);
  EXPECT_NE(logged().find("first trouble"), std::string::npos);
  EXPECT_NE(logged().find("second trouble"), std::string::npos);
  EXPECT_NE(logged().find("not a std::exception"), std::string::npos);
}

TEST_F(CallbackExecutorTest, TakesPostsFromACallback) {
  std::atomic<int> runs = 0;
  CallbackExecutor executor(log_);
  executor.post([&] {
    ++runs;
    executor.post([&] { ++runs; });
  });
  EXPECT_TRUE(bulkhead::test::eventually(30s, [&] { return runs == 2; }));
}

TEST_F(CallbackExecutorTest, MayBeDestroyedByACallbackAndStillRunsTheRest) {
  std::atomic<int> runs = 0;
  auto executor = std::make_unique<CallbackExecutor>(log_);
  CallbackExecutor& same = *executor;
  std::atomic<bool> may_go = false;
  same.post([&] {
    while (!may_go) std::this_thread::yield();
    executor.reset();
    ++runs;
  });
  same.post([&] { ++runs; });
  may_go = true;
  EXPECT_TRUE(bulkhead::test::eventually(30s, [&] { return runs == 2; }));
}

TEST_F(CallbackExecutorTest, LetsGoOfWhatACallbackHeldOnceItHasRun) {
  auto held = std::make_shared<int>(1);
  CallbackExecutor executor(log_);
  executor.post([held] {});
  EXPECT_TRUE(bulkhead::test::eventually(30s, [&] { return held.use_count() == 1; }));
}

TEST_F(CallbackExecutorTest, TakesPostsFromManyThreads) {
  int runs = 0;  // only ever touched by the one callback thread
  {
    CallbackExecutor executor(log_);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) executor.post([&runs] { ++runs; });
      });
    }
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(runs, 4000);
}

TEST_F(CallbackExecutorTest, FlushWaitsForWhatWasPosted) {
  CallbackExecutor executor(log_);
  executor.flush();  // nothing was ever posted
  std::atomic<bool> may_run = false;
  std::atomic<int> runs = 0;
  executor.post([&] {
    may_run.wait(false);
    ++runs;
  });
  executor.post([&] { ++runs; });
  std::thread flusher([&] {
    executor.flush();
    EXPECT_EQ(runs, 2);
  });
  EXPECT_EQ(runs, 0);
  may_run = true;
  may_run.notify_one();
  flusher.join();
}

TEST_F(CallbackExecutorTest, FlushInACallbackDoesNotWaitForItself) {
  CallbackExecutor executor(log_);
  std::atomic<bool> returned = false;
  executor.post([&] {
    executor.flush();
    returned = true;
  });
  executor.flush();
  EXPECT_TRUE(returned);
}

class ManualCallbacksTest : public CallbackExecutorTest {
 protected:
  [[nodiscard]] static bool is_readable(const CallbackExecutor& executor) {
    pollfd entry{.fd = executor.event_fd(), .events = POLLIN, .revents = 0};
    return ::poll(&entry, 1, 0) == 1;
  }
};

TEST_F(ManualCallbacksTest, RunWhenTheyAreDispatchedInOrder) {
  CallbackExecutor executor(log_, Callbacks::kManual);
  const auto threads_before = bulkhead::test::thread_count();
  std::vector<int> order;
  executor.start();
  for (int i = 0; i < 5; ++i) executor.post([&, i] { order.push_back(i); });
  EXPECT_TRUE(order.empty());
  EXPECT_EQ(executor.dispatch(), 5u);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(executor.dispatch(), 0u);
  EXPECT_EQ(bulkhead::test::thread_count(), threads_before);
}

TEST_F(ManualCallbacksTest, AreAnnouncedByTheDescriptorUntilTheLastHasRun) {
  CallbackExecutor executor(log_, Callbacks::kManual);
  EXPECT_FALSE(is_readable(executor));
  executor.post([&] { EXPECT_TRUE(is_readable(executor)) << "the other one is still queued"; });
  executor.post([&] { EXPECT_FALSE(is_readable(executor)); });
  EXPECT_TRUE(is_readable(executor));
  EXPECT_EQ(executor.dispatch(), 2u);
  EXPECT_FALSE(is_readable(executor));
  executor.post([] {});
  EXPECT_TRUE(is_readable(executor)) << "the next one rings again";
}

TEST_F(ManualCallbacksTest, PostedByACallbackWaitForTheNextDispatch) {
  CallbackExecutor executor(log_, Callbacks::kManual);
  int runs = 0;
  executor.post([&] {
    ++runs;
    executor.post([&] { ++runs; });
  });
  EXPECT_EQ(executor.dispatch(), 1u);
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(is_readable(executor));
  EXPECT_EQ(executor.dispatch(), 1u);
  EXPECT_EQ(runs, 2);
}

TEST_F(ManualCallbacksTest, AreRunByFlush) {
  CallbackExecutor executor(log_, Callbacks::kManual);
  executor.flush();
  int runs = 0;
  executor.post([&] {
    ++runs;
    executor.flush();  // all but this one
    EXPECT_EQ(runs, 2);
  });
  executor.post([&] { ++runs; });
  executor.flush();
  EXPECT_EQ(runs, 2);
  EXPECT_FALSE(is_readable(executor));
}

TEST_F(ManualCallbacksTest, MayDispatchThemselves) {
  CallbackExecutor executor(log_, Callbacks::kManual);
  int runs = 0;
  executor.post([&] { EXPECT_EQ(executor.dispatch(), 2u); });
  for (int i = 0; i < 2; ++i) executor.post([&] { ++runs; });
  EXPECT_EQ(executor.dispatch(), 1u) << "the others ran within";
  EXPECT_EQ(runs, 2);
}

TEST_F(ManualCallbacksTest, ThatAreLeftRunInTheDestructor) {
  std::set<std::thread::id> threads;
  int runs = 0;
  {
    CallbackExecutor executor(log_, Callbacks::kManual);
    executor.post([&] {
      threads.insert(std::this_thread::get_id());
      executor.post([&] { ++runs; });
    });
  }
  EXPECT_EQ(threads, std::set{std::this_thread::get_id()});
  EXPECT_EQ(runs, 1);
}

TEST_F(ManualCallbacksTest, ThatThrowAreLoggedAndCount) {
  CallbackExecutor executor(log_, Callbacks::kManual);
  executor.post([] { throw std::runtime_error("first trouble"); });
  executor.post([] {});
  EXPECT_EQ(executor.dispatch(), 2u);
  EXPECT_NE(logged().find("first trouble"), std::string::npos);
}

TEST_F(ManualCallbacksTest, RunOnceEachWhenManyThreadsPostAndDispatch) {
  CallbackExecutor executor(log_, Callbacks::kManual);
  std::atomic<int> runs = 0;
  std::atomic<std::size_t> dispatched = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        executor.post([&] { ++runs; });
        dispatched += executor.dispatch();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  dispatched += executor.dispatch();
  EXPECT_EQ(runs, 4000);
  EXPECT_EQ(dispatched, 4000u);
  EXPECT_FALSE(is_readable(executor));
}

TEST_F(ManualCallbacksTest, AreRefusedWhereAThreadRunsThem) {
  CallbackExecutor executor(log_);
  EXPECT_THROW((void)executor.dispatch(), UsageError);
  EXPECT_THROW((void)executor.event_fd(), UsageError);
}

}  // namespace
}  // namespace bulkhead::pool
