#include "pool/callback_queue.hpp"

#include <string>
#include <utility>

#include "bulkhead/error.hpp"

namespace bulkhead::pool {

namespace {
thread_local const CallbackQueue* queue_of_this_thread = nullptr;
}

CallbackQueue::CallbackQueue(std::shared_ptr<support::Log> log, Callbacks mode) : log_(std::move(log)) {
  if (mode == Callbacks::kManual) bell_.emplace(ipc::HostBell::create());
}

bool CallbackQueue::is_run_by_this_thread() const noexcept { return is_manual() || queue_of_this_thread == this; }

void CallbackQueue::post(std::function<void()> callback) {
  {
    const Lock lock(mutex_);
    callbacks_.push_back(std::move(callback));
    if (bell_ && callbacks_.size() == 1) bell_->ring();
  }
  changed_.notify_one();
}

bool CallbackQueue::is_empty() const {
  const Lock lock(mutex_);
  return callbacks_.empty();
}

// Requires: the lock is held, and there is one.
std::function<void()> CallbackQueue::take(const Lock&) {
  auto callback = std::move(callbacks_.front());
  callbacks_.pop_front();
  if (bell_ && callbacks_.empty()) bell_->consume();
  return callback;
}

bool CallbackQueue::run_one() {
  Lock lock(mutex_);
  if (callbacks_.empty()) return false;
  auto callback = take(lock);
  lock.unlock();
  run(std::move(callback));
  return true;
}

std::size_t CallbackQueue::run_queued() {
  std::size_t queued = 0;
  {
    const Lock lock(mutex_);
    queued = callbacks_.size();
  }
  // Fewer when a callback waits, and so runs some of them itself, or another thread does.
  std::size_t ran = 0;
  while (ran < queued && run_one()) ++ran;
  return ran;
}

void CallbackQueue::run_until_stopped() {
  queue_of_this_thread = this;
  Lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return is_stopping_ || !callbacks_.empty(); });
    if (callbacks_.empty()) return;
    auto callback = take(lock);
    lock.unlock();
    run(std::move(callback));
    lock.lock();
  }
}

void CallbackQueue::stop() {
  {
    const Lock lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_one();
}

// By value: what a callback holds may call back into here when it goes.
void CallbackQueue::run(std::function<void()> callback) noexcept {
  try {
    callback();
  } catch (const Error& error) {
    log_->error(std::string("a callback threw: ") + error.what());
  } catch (const std::exception& error) {
    log_->error(std::string("a callback threw: ") + error.what());
  } catch (...) {
    log_->error("a callback threw something that is not a std::exception");
  }
}

}  // namespace bulkhead::pool
