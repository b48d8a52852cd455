// The result of a call or a map, before it is there: multiprocessing's AsyncResult.
#pragma once

#include <bulkhead/detail/binding.hpp>
#include <bulkhead/detail/completion.hpp>

#include <chrono>
#include <coroutine>
#include <utility>
#include <vector>

namespace bulkhead {

namespace detail {

// A call's result, and a map's: the first error by index, else every item.
template <class R>
struct Decode {
  static R from(const Completion& completion) { return decode_item<R>(completion, 0); }
};
template <class R>
struct DecodeMap {
  static map_result_t<R> from(const Completion& completion) {
    const std::size_t count = item_count(completion);
    const std::size_t failed = first_failure(completion);
    if (failed != count) std::rethrow_exception(item_error(completion, failed));
    if constexpr (!std::is_void_v<R>) {
      std::vector<R> results;
      results.reserve(count);
      for (std::size_t i = 0; i < count; ++i) results.push_back(decode_item<R>(completion, i));
      return results;
    }
  }
};

[[noreturn]] void raise_no_result();
[[noreturn]] void raise_not_ready();
[[noreturn]] void raise_wait_ended(const Completion& completion);

}  // namespace detail

// Copyable; copies speak of the same result. Outlives its pool and engine. Dropping it neither waits nor cancels.
// Every member may be called from any thread; one of a default-constructed object throws UsageError.
template <class R>
class [[nodiscard]] AsyncResult {
 public:
  // For the engine: how the completion's bytes become an R.
  using Decoder = R (*)(const detail::Completion&);

  AsyncResult() = default;
  AsyncResult(detail::CompletionRef completion, Decoder decoder)
      : completion_(std::move(completion)), decoder_(decoder) {}

  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(completion_); }

  // Whether there is a verdict.
  [[nodiscard]] bool ready() const { return detail::is_done(checked()); }

  // Whether the verdict is a result. Throws UsageError before ready() (multiprocessing: ValueError).
  [[nodiscard]] bool successful() const {
    if (!ready()) detail::raise_not_ready();
    return detail::first_failure(*completion_) == detail::item_count(*completion_);
  }

  // Waits for the verdict.
  void wait() const { (void)detail::wait_until(checked(), std::chrono::steady_clock::time_point::max()); }

  // Waits at most `limit`; says whether there is a verdict. Throws UsageError for a negative time.
  template <class Rep, class Period>
  bool wait(std::chrono::duration<Rep, Period> limit) const {
    return detail::wait_until(checked(), detail::wait_limit(detail::saturate(limit)));
  }

  // Waits, then gives the result or throws the error: TaskError, WorkerLost, TaskCancelled, PoolClosed, PoolBroken,
  // PayloadError. Any number of times.
  R get() const {
    wait();
    return decoder_(*completion_);
  }

  // The same, but throws TimeoutError when there is no verdict within `limit`; the task goes on and may be asked again.
  template <class Rep, class Period>
  R get(std::chrono::duration<Rep, Period> limit) const {
    if (!wait(limit)) detail::raise_wait_ended(*completion_);
    return decoder_(*completion_);
  }

  // Takes back what no worker has begun; of a map, every such item. Exact: the outcome tells what happened.
  CancelOutcome cancel(CancelMode = CancelMode::kCooperative) const { return detail::cancel(checked()); }

  // co_await result: resumes on the engine's callback thread.
  [[nodiscard]] bool await_ready() const { return ready(); }
  void await_suspend(std::coroutine_handle<> coroutine) const {
    detail::when_done(*completion_, [coroutine] { coroutine.resume(); });
  }
  R await_resume() const { return decoder_(*completion_); }

 private:
  detail::Completion& checked() const {
    if (!completion_) detail::raise_no_result();
    return *completion_;
  }

  detail::CompletionRef completion_;
  Decoder decoder_ = nullptr;
};

}  // namespace bulkhead
