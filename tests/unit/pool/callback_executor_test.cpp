#include "pool/callback_executor.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
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

}  // namespace
}  // namespace bulkhead::pool
