#include "pool/callback_executor.hpp"

#include <pthread.h>

#include <future>
#include <string>
#include <system_error>

#include "bulkhead/error.hpp"
#include "support/blocked_signals.hpp"
#include "support/fault_point.hpp"
#include "support/system_error.hpp"

namespace bulkhead::pool {

CallbackExecutor::~CallbackExecutor() {
  if (queue_->is_manual()) {
    while (queue_->run_one()) {
    }
    return;
  }
  queue_->stop();
  if (!thread_.joinable()) return;
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void CallbackExecutor::start() {
  if (queue_->is_manual()) return;
  const std::lock_guard lock(mutex_);
  if (thread_.joinable()) return;
  try {
    const support::BlockedSignals blocked;
    BULKHEAD_FAULT_THROW("callbacks.thread", EAGAIN, std::system_error(EAGAIN, std::generic_category()));
    thread_ = std::thread([queue = queue_] { queue->run_until_stopped(); });
    pthread_setname_np(thread_.native_handle(), "bulkhead-calls");
  } catch (const std::system_error& error) {
    support::raise_system_error(error.code().value(), "start the callback thread", "threads");
  }
}

void CallbackExecutor::post(std::function<void()> callback) {
  auto queued = std::make_unique<Callback>(Callback{std::move(callback)});
  start();
  queue_->post(std::move(queued));
}

void CallbackExecutor::flush() {
  if (!queue_->is_manual()) {
    const std::lock_guard lock(mutex_);
    if (!thread_.joinable() || thread_.get_id() == std::this_thread::get_id()) return;
  }
  // Callbacks run in order: when this one does, those before it have.
  const auto reached = std::make_shared<std::promise<void>>();
  queue_->post(std::make_unique<Callback>(Callback{[reached] { reached->set_value(); }}));
  if (queue_->is_manual()) {
    while (queue_->run_one()) {
    }
  }
  reached->get_future().wait();
}

std::size_t CallbackExecutor::dispatch() {
  refuse_own_thread("dispatch()");
  return queue_->run_queued();
}

int CallbackExecutor::event_fd() const {
  refuse_own_thread("event_fd()");
  return queue_->event_fd();
}

void CallbackExecutor::refuse_own_thread(const char* member) const {
  if (queue_->is_manual()) return;
  detail::raise<UsageError, std::logic_error>(std::string(member) +
                                              " was called, but a thread of the engine's runs callbacks (make the "
                                              "engine with EngineOptions::callbacks = Callbacks::kManual)");
}

}  // namespace bulkhead::pool
