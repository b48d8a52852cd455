// What an AsyncResult holds on to: one call, or one map, until it has a verdict and for as long as somebody asks.
//
// Ownership: counted. A completion outlives its pool and engine.
// Threads:   every function may be called from any thread.
#pragma once

#include <bulkhead/options.hpp>
#include <bulkhead/sdk/shared_place.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace bulkhead::detail {

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
// The same after a look at what workers have published: they tell it lazily while nobody waits.
[[nodiscard]] bool poll(const Completion& completion);
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
// That these bytes name, and perhaps others.
[[nodiscard]] const sdk::SharedRefs& item_arrays(const Completion& completion, std::size_t index);
// The same of item `index` and of those behind it, as many as are known to have succeeded and to lie side by side, each of
// the task's fixed_result_bytes. Empty: ask item by item.
[[nodiscard]] std::span<const std::byte> item_run(const Completion& completion, std::size_t index);
[[nodiscard]] const TaskInfo& task_of(const Completion& completion) noexcept;

// Takes back what no worker has begun, and tells the running rest to stop; waits at most `grace` for that. kForce: then
// kills. Unset grace: zero, or 100 ms for kForce. Throws UsageError for a negative one.
[[nodiscard]] CancelOutcome cancel(Completion& completion, CancelMode mode, std::optional<TimeLimit> grace);

// Completions, given out one by one in the order of their verdicts (those that have theirs when they come in: in that
// order).
//
// Ownership: borrows the completions until they are given out.
// Threads:   one at a time.
class CompletionQueue {
 public:
  // Their tags are their indices. Throws UsageError in a child after fork(), as add() and next() do.
  explicit CompletionQueue(std::span<Completion* const> first);
  CompletionQueue(CompletionQueue&&) noexcept;
  CompletionQueue& operator=(CompletionQueue&&) noexcept;
  ~CompletionQueue();

  // Requires: of the same pool as all the others, where there are others.
  void add(Completion& completion, std::size_t tag);
  // How many have not been given out.
  [[nodiscard]] std::size_t size() const noexcept;
  // Waits for the next; its tag. Nothing: none within that time, or none left.
  [[nodiscard]] std::optional<std::size_t> next(std::chrono::steady_clock::time_point until);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Waits until one of them has a verdict or `until` has come. Returns its index; completions.size(): none has.
[[nodiscard]] std::size_t wait_any(std::span<Completion* const> completions,
                                   std::chrono::steady_clock::time_point until);

// Runs `then` once it has a verdict: on the callback thread, at once when it already has one. At most one per waiter;
// what it throws is logged.
void when_done(Completion& completion, std::function<void()> then);

// The point in time `duration` from now, saturating. Throws UsageError for a negative one.
[[nodiscard]] std::chrono::steady_clock::time_point wait_limit(std::chrono::nanoseconds duration);

}  // namespace bulkhead::detail
