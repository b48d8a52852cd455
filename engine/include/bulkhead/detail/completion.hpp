// What an AsyncResult holds on to: one call, or one map, until it has a verdict and for as long as somebody asks.
//
// Ownership: counted. A completion outlives its pool and engine.
// Threads:   every function may be called from any thread.
#pragma once

#include <bulkhead/options.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <span>
#include <utility>

namespace bulkhead::detail {

struct TaskInfo;

class Completion;  // the engine's

void retain(Completion& completion) noexcept;
void release(Completion& completion) noexcept;

// A counted pointer to a completion.
class CompletionRef {
 public:
  CompletionRef() noexcept = default;
  // Takes over one reference.
  explicit CompletionRef(Completion* owned) noexcept : completion_(owned) {}
  CompletionRef(const CompletionRef& other) noexcept : completion_(other.completion_) {
    if (completion_ != nullptr) retain(*completion_);
  }
  CompletionRef(CompletionRef&& other) noexcept : completion_(std::exchange(other.completion_, nullptr)) {}
  CompletionRef& operator=(CompletionRef other) noexcept {
    std::swap(completion_, other.completion_);
    return *this;
  }
  ~CompletionRef() {
    if (completion_ != nullptr) release(*completion_);
  }
  explicit operator bool() const noexcept { return completion_ != nullptr; }
  [[nodiscard]] Completion& operator*() const noexcept { return *completion_; }
  [[nodiscard]] Completion* get() const noexcept { return completion_; }

 private:
  Completion* completion_ = nullptr;
};

[[nodiscard]] bool is_done(const Completion& completion) noexcept;
// Waits until it has a verdict or `until` has come; says whether it has one. Throws nothing.
[[nodiscard]] bool wait_until(Completion& completion, std::chrono::steady_clock::time_point until);

// The rest need a verdict: is_done().

[[nodiscard]] std::size_t item_count(const Completion& completion) noexcept;
// The first item, by index, that failed; item_count() when none did.
[[nodiscard]] std::size_t first_failure(const Completion& completion) noexcept;
// The error of item `index`; null when it succeeded.
[[nodiscard]] std::exception_ptr item_error(const Completion& completion, std::size_t index);
// The result bytes of item `index`, which succeeded. They may lie in memory that the worker can still write: read
// each byte once. Valid as long as the completion.
[[nodiscard]] std::span<const std::byte> item_bytes(const Completion& completion, std::size_t index);
[[nodiscard]] const TaskInfo& task_of(const Completion& completion) noexcept;

[[nodiscard]] CancelOutcome cancel(Completion& completion);

// Runs `then` once it has a verdict: on the callback thread, at once when it already has one. At most one per waiter;
// what it throws is logged.
void when_done(Completion& completion, std::function<void()> then);

// The point in time `duration` from now, saturating. Throws UsageError for a negative one.
[[nodiscard]] std::chrono::steady_clock::time_point wait_limit(std::chrono::nanoseconds duration);

// Any duration as nanoseconds; what is too large is for ever.
template <class Rep, class Period>
[[nodiscard]] constexpr std::chrono::nanoseconds saturate(std::chrono::duration<Rep, Period> duration) noexcept {
  using Wide = std::chrono::duration<long double, std::nano>;
  const Wide wide = duration;
  if (wide.count() >= static_cast<long double>(std::chrono::nanoseconds::max().count())) {
    return std::chrono::nanoseconds::max();
  }
  if (wide.count() <= static_cast<long double>(std::chrono::nanoseconds::min().count())) {
    return std::chrono::nanoseconds::min();
  }
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration);
}

}  // namespace bulkhead::detail
