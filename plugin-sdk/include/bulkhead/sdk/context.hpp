// What a plugin's code may ask of the worker that runs it.
//
// Ownership: a PluginContext lives as long as the function it is given to; a TaskContext as long as
// the call. Threads:   a task may use its context from any of its threads while the call lasts.
#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include <bulkhead/sdk/abi.h>
#include <bulkhead/sdk/json_archive.hpp>
#include <bulkhead/sdk/log.hpp>

namespace bulkhead {

namespace sdk {

// What TaskContext::check() throws. No std::exception: a task's own handlers let it pass.
struct Stopped {};

}  // namespace sdk

// Given to a state's constructor and to on_load functions.
class PluginContext {
 public:
  // For the SDK.
  explicit PluginContext(const bulkhead_host* host) : host_(host) {}

  // The value of `key` in the plugin's `config` table of the manifest. Throws std::runtime_error
  // when there is none, DecodeError when it is no T.
  template <class T>
  [[nodiscard]] T config(std::string_view key) const {
    T value{};
    if (!read_config(key, value)) {
      throw std::runtime_error("the plugin's configuration has no \"" + std::string(key) +
                               "\": add it to `config` of this plugin in the manifest");
    }
    return value;
  }
  // The same, or `fallback` when there is none.
  template <class T>
  [[nodiscard]] sdk::stored_t<T> config(std::string_view key, const T& fallback) const {
    sdk::stored_t<T> value{};
    if (!read_config(key, value)) return sdk::stored_t<T>(fallback);
    return value;
  }
  // Lines in the host's log, under the plugin's name.
  [[nodiscard]] Log log() const { return Log(host_); }

 private:
  template <class T>
  bool read_config(std::string_view key, T& value) const {
    if (host_ == nullptr || host_->config == nullptr) return false;
    const char* json = nullptr;
    const std::size_t size = host_->config(host_->self, &json);
    if (size == 0) return false;
    const sdk::JsonDocument document({json, size});
    if (document.kind(0) != sdk::JsonKind::kObject) return false;
    const sdk::JsonIndex node = document.find(0, key);
    if (node == 0) return false;
    sdk::JsonReader(document, node, "config \"" + std::string(key) + "\"").read(value);
    return true;
  }

  const bulkhead_host* host_;
};

// The running call. A task takes it as its last parameter, TaskContext&; it is no part of the
// signature.
class TaskContext {
 public:
  // For the SDK.
  TaskContext(const bulkhead_call* call, const bulkhead_host* host) : call_(call), host_(host) {}
  TaskContext(const TaskContext&) = delete;
  TaskContext& operator=(const TaskContext&) = delete;

  // Tells the caller's on_progress how far the task is. `total` 0: unknown.
  void progress(std::uint64_t done, std::uint64_t total, std::string_view note = {}) {
    if (call_->progress != nullptr) call_->progress(call_->self, done, total, note.data(), note.size());
  }
  // The caller no longer wants the result. A load: poll it as often as you like.
  [[nodiscard]] bool cancelled() const noexcept { return stop_word() == BULKHEAD_STOP_CANCELLED; }
  // The soft limit has passed: tidy up and return, before the hard one kills the process.
  [[nodiscard]] bool soft_limit_passed() const noexcept { return stop_word() == BULKHEAD_STOP_SOFT_LIMIT; }
  // Leaves the task when cancelled or past the soft limit, by an exception that only the SDK
  // catches.
  void check() const {
    if (stop_word() != BULKHEAD_STOP_NO) throw sdk::Stopped{};
  }
  // When the hard limit kills the process; time_point::max() when there is none.
  [[nodiscard]] std::chrono::steady_clock::time_point deadline() const noexcept {
    using Clock = std::chrono::steady_clock;  // CLOCK_MONOTONIC, as the deadline is
    if (call_->deadline_ns == INT64_MAX) return Clock::time_point::max();
    return Clock::time_point(std::chrono::nanoseconds(call_->deadline_ns));
  }
  // 1 for the first attempt, more after retries.
  [[nodiscard]] std::uint32_t attempt() const noexcept { return call_->attempt; }
  // The engine's number of this task.
  [[nodiscard]] std::uint64_t task_id() const noexcept { return call_->task_id; }
  // Lines in the host's log, with the task, this call and its attempt.
  [[nodiscard]] Log log() const { return Log(host_); }

 private:
  [[nodiscard]] std::uint32_t stop_word() const noexcept {
    if (call_->stop == nullptr) return BULKHEAD_STOP_NO;
    // Another process writes it, or (a pool of threads) another thread; relaxed: it is a wish, nothing comes with it.
    return __atomic_load_n(call_->stop, __ATOMIC_RELAXED);
  }

  const bulkhead_call* call_;
  const bulkhead_host* host_;
};

}  // namespace bulkhead
