// Who runs the embedder's callbacks: a thread, one after the other, so that they never hold up results; or the embedder
// itself (Callbacks::kManual), in dispatch() and while it waits for a result that has a callback.
//
// Ownership: owns the thread, which is started when it is first needed.
// Threads:   post() and dispatch() from any, also from a callback.
// Failure:   what a callback throws is logged, and the next one runs. A thread that cannot be started throws
//            ResourceError from start(), and from a post() before it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "pool/callback_queue.hpp"

namespace bulkhead::pool {

class CallbackExecutor {
 public:
  explicit CallbackExecutor(std::shared_ptr<support::Log> log, Callbacks mode = Callbacks::kOwnThread)
      : queue_(std::make_shared<CallbackQueue>(std::move(log), mode)) {}
  CallbackExecutor(const CallbackExecutor&) = delete;
  CallbackExecutor& operator=(const CallbackExecutor&) = delete;
  // Runs what was posted, here where the embedder runs callbacks, else on the thread, and ends that. From the callback
  // thread itself (a callback may drop the last handle) the thread ends on its own.
  ~CallbackExecutor();

  // Starts the thread, if there is to be one, once, so that no post() can fail later.
  void start();
  void post(std::function<void()> callback);
  // Waits until everything posted before has run; runs it here where the embedder runs callbacks. From the callback
  // thread, which would wait for itself, it returns at once.
  void flush();

  // Engine::dispatch() and Engine::event_fd(). Throw UsageError where a thread runs callbacks.
  std::size_t dispatch();
  [[nodiscard]] int event_fd() const;

  // Shared with the thread, which may outlive the executor by the callback that destroys it.
  [[nodiscard]] const std::shared_ptr<CallbackQueue>& queue() const noexcept { return queue_; }

 private:
  void refuse_own_thread(const char* member) const;

  const std::shared_ptr<CallbackQueue> queue_;
  std::mutex mutex_;
  std::thread thread_;  // guarded by mutex_
};

}  // namespace bulkhead::pool
