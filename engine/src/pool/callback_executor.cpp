#include "pool/callback_executor.hpp"

#include <pthread.h>
#include <signal.h>

#include <string>

#include "bulkhead/error.hpp"
#include "support/system_error.hpp"

namespace bulkhead::pool {

CallbackExecutor::~CallbackExecutor() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_stopping = true;
  }
  state_->changed.notify_one();
  if (!thread_.joinable()) return;
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void CallbackExecutor::start() {
  const std::lock_guard lock(state_->mutex);
  if (thread_.joinable()) return;
  // The embedder's signal handlers run in the embedder's threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  try {
    thread_ = std::thread([state = state_] { run(state); });
    pthread_setname_np(thread_.native_handle(), "bulkhead-calls");
  } catch (const std::system_error& failure) {
    error = failure.code().value();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) support::raise_system_error(error, "start the callback thread", "threads");
}

void CallbackExecutor::post(std::function<void()> callback) {
  start();
  {
    const std::lock_guard lock(state_->mutex);
    state_->callbacks.push_back(std::move(callback));
  }
  state_->changed.notify_one();
}

void CallbackExecutor::run(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  for (;;) {
    state->changed.wait(lock, [&] { return state->is_stopping || !state->callbacks.empty(); });
    if (state->callbacks.empty()) return;
    auto callback = std::move(state->callbacks.front());
    state->callbacks.pop_front();
    lock.unlock();
    try {
      callback();
    } catch (const Error& error) {
      state->log->error(std::string("a callback threw: ") + error.what());
    } catch (const std::exception& error) {
      state->log->error(std::string("a callback threw: ") + error.what());
    } catch (...) {
      state->log->error("a callback threw something that is not a std::exception");
    }
    callback = nullptr;  // what it holds may call back into here
    lock.lock();
  }
}

}  // namespace bulkhead::pool
