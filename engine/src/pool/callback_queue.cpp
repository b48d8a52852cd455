#include "pool/callback_queue.hpp"

#include <new>
#include <string>
#include <utility>

#include "bulkhead/error.hpp"
#include "bulkhead/pool.hpp"

namespace bulkhead::pool {

namespace {
thread_local const CallbackQueue* queue_of_this_thread = nullptr;
}

CallbackQueue::CallbackQueue(std::shared_ptr<support::Log> log, Callbacks mode) : log_(std::move(log)) {
  (void)detail::out_of_memory_error();  // while there is memory
  if (mode == Callbacks::kManual) bell_.emplace(ipc::HostBell::create());
}

bool CallbackQueue::is_run_by_this_thread() const noexcept { return is_manual() || queue_of_this_thread == this; }

CallbackQueue::~CallbackQueue() {
  while (first_ != nullptr) delete std::exchange(first_, first_->next);
}

void CallbackQueue::post(std::unique_ptr<Callback> callback) noexcept {
  {
    const Lock lock(mutex_);
    *end_ = callback.release();
    end_ = &(*end_)->next;
    if (++queued_ == 1 && bell_) bell_->ring();
  }
  changed_.notify_one();
}

bool CallbackQueue::is_empty() const {
  const Lock lock(mutex_);
  return first_ == nullptr;
}

// Requires: the lock is held, and there is one.
std::unique_ptr<Callback> CallbackQueue::take(const Lock&) noexcept {
  std::unique_ptr<Callback> callback(std::exchange(first_, first_->next));
  if (first_ == nullptr) end_ = &first_;
  if (--queued_ == 0 && bell_) bell_->consume();
  return callback;
}

bool CallbackQueue::run_one() {
  Lock lock(mutex_);
  if (first_ == nullptr) return false;
  auto callback = take(lock);
  lock.unlock();
  run(std::move(callback));
  return true;
}

std::size_t CallbackQueue::run_queued() {
  std::size_t queued = 0;
  {
    const Lock lock(mutex_);
    queued = queued_;
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
    changed_.wait(lock, [&] { return is_stopping_ || first_ != nullptr; });
    if (first_ == nullptr) return;
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
void CallbackQueue::run(std::unique_ptr<Callback> callback) noexcept {
  const auto tell = [this](const char* what) noexcept {
    try {
      log_->error(std::string("a callback threw: ") + what);
    } catch (const std::bad_alloc&) {
      log_->error("a callback threw, and there is no memory to say what");
    }
  };
  try {
    callback->run();
  } catch (const Error& error) {
    tell(error.what());
  } catch (const std::exception& error) {
    tell(error.what());
  } catch (...) {
    log_->error("a callback threw something that is not a std::exception");
  }
}

}  // namespace bulkhead::pool
