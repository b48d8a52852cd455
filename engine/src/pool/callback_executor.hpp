// The callback thread: runs the embedder's callbacks one after the other, so that they never hold up results.
//
// Ownership: owns the thread, which is started when it is first needed.
// Threads:   post() from any, also from a callback.
// Failure:   what a callback throws is logged, and the next one runs. A thread that cannot be started throws
//            ResourceError from start(), and from a post() before it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "support/logging.hpp"

namespace bulkhead::pool {

class CallbackExecutor {
 public:
  explicit CallbackExecutor(std::shared_ptr<support::Log> log) : state_(std::make_shared<State>(std::move(log))) {}
  CallbackExecutor(const CallbackExecutor&) = delete;
  CallbackExecutor& operator=(const CallbackExecutor&) = delete;
  // Runs what was posted, then ends the thread. From the callback thread itself (a callback may drop the last handle)
  // the thread ends on its own.
  ~CallbackExecutor();

  // Starts the thread, once, so that no post() can fail later.
  void start();
  void post(std::function<void()> callback);

 private:
  // Shared with the thread, which may outlive the executor by the callback that destroys it.
  struct State {
    explicit State(std::shared_ptr<support::Log> state_log) : log(std::move(state_log)) {}
    const std::shared_ptr<support::Log> log;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> callbacks;
    bool is_stopping = false;
  };
  static void run(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;
  std::thread thread_;  // guarded by state_->mutex
};

}  // namespace bulkhead::pool
