// The embedder's callbacks, in the order in which they are to run: one queue for all pools of an engine.
//
// Ownership: shared by the engine and by all results, which may outlive it.
// Threads:   every member any; callbacks that two threads take at the same time run side by side.
// Failure:   what a callback throws is logged.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "bulkhead/options.hpp"
#include "ipc/doorbell.hpp"
#include "support/logging.hpp"

namespace bulkhead::pool {

// A callback and its place in the queue: made when it is clear that there will be one, so that putting it there cannot
// fail.
struct Callback {
  std::function<void()> run;
  Callback* next = nullptr;
};

class CallbackQueue {
 public:
  // kManual throws ResourceError when there is no descriptor left.
  CallbackQueue(std::shared_ptr<support::Log> log, Callbacks mode);
  ~CallbackQueue();
  CallbackQueue(const CallbackQueue&) = delete;
  CallbackQueue& operator=(const CallbackQueue&) = delete;

  void post(std::unique_ptr<Callback> callback) noexcept;
  [[nodiscard]] bool is_empty() const;

  // Runs the oldest one. False: there was none.
  bool run_one();
  // Runs what is queued now, not what is queued meanwhile; says how many.
  std::size_t run_queued();
  // Runs callbacks until stop(), and what is queued then.
  void run_until_stopped();
  void stop();

  // This is a thread that callbacks run on: any where the embedder runs them, else the one in run_until_stopped().
  [[nodiscard]] bool is_run_by_this_thread() const noexcept;

  [[nodiscard]] bool is_manual() const noexcept { return bell_.has_value(); }
  // Readable while something is queued. Requires: is_manual().
  [[nodiscard]] int event_fd() const noexcept { return bell_->fd(); }

 private:
  using Lock = std::unique_lock<std::mutex>;
  [[nodiscard]] std::unique_ptr<Callback> take(const Lock& lock) noexcept;
  void run(std::unique_ptr<Callback> callback) noexcept;

  const std::shared_ptr<support::Log> log_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Callback* first_ = nullptr;
  Callback** end_ = &first_;
  std::size_t queued_ = 0;
  bool is_stopping_ = false;
  std::optional<ipc::HostBell> bell_;  // kManual: rung while something is queued
};

}  // namespace bulkhead::pool
