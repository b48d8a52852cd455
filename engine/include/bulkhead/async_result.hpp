// The result of a call or a map, before it is there: multiprocessing's AsyncResult.
#pragma once

#include <bulkhead/detail/binding.hpp>
#include <bulkhead/detail/completion.hpp>

#include <chrono>
#include <coroutine>
#include <optional>
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
      while (results.size() < count) {
        if (!append_run(results, completion)) results.push_back(decode_item<R>(completion, results.size()));
      }
      return results;
    }
  }
};

[[noreturn]] void raise_no_result();
[[noreturn]] void raise_not_ready();
[[noreturn]] void raise_wait_ended(const Completion& completion);

struct ResultAccess;

}  // namespace detail

//   auto sum = pool.apply_async<std::int64_t>("math.add", 2, 3);
//   while (!sum.wait(100ms)) std::cerr << ".";
//   if (sum.successful()) std::cout << sum.get() << "\n";
//
// Copyable; copies speak of the same result. Outlives its pool and engine. Dropping it neither waits nor cancels.
// Every member may be called from any thread; one of a default-constructed object throws UsageError.
template <class R>
class [[nodiscard]] AsyncResult {
 public:
  // For the engine: how the completion's bytes become an R.
  using Decoder = R (*)(const detail::Completion&);

  AsyncResult() = default;
  // For the engine.
  AsyncResult(detail::CompletionRef completion, Decoder decoder)
      : completion_(std::move(completion)), decoder_(decoder) {}

  // False: default-constructed, or its result was moved out by get() &&. Its other members throw UsageError then.
  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(completion_); }

  // Whether there is a verdict.
  [[nodiscard]] bool ready() const { return detail::poll(checked()); }

  // Whether the verdict is a result. Throws UsageError before ready() (multiprocessing: ValueError).
  [[nodiscard]] bool successful() const {
    if (!ready()) detail::raise_not_ready();
    return detail::first_failure(*completion_) == detail::item_count(*completion_);
  }

  // Waits for the verdict. Where the host runs callbacks (Callbacks::kManual) and this result has one, the waiting thread
  // runs what is queued, in order, until that has run: nobody else may ever do it.
  void wait() const { (void)detail::wait_until(checked(), std::chrono::steady_clock::time_point::max()); }

  // Waits at most `limit`; says whether there is a verdict. Throws UsageError for a negative time.
  template <class Rep, class Period>
  bool wait(std::chrono::duration<Rep, Period> limit) const {
    return detail::wait_until(checked(), detail::wait_limit(detail::saturate(limit)));
  }

  // Waits, then gives the result or throws the error: TaskError, WorkerLost, TaskCancelled, PoolClosed, PoolBroken,
  // PayloadError. Any number of times.
  R get() const& {
    wait();
    return decoder_(*completion_);
  }

  // The last time: also lets go of what is kept for the next one (a large result's bytes, a map's items), error or not.
  // This object then has no result; its copies still do.
  //
  //   auto roots = pool.map_async<double>("math.sqrt", std::views::iota(0, 1000));
  //   const std::vector<double> once = std::move(roots).get();
  R get() && {
    wait();
    const detail::CompletionRef last = std::move(completion_);
    return decoder_(*last);
  }

  // The same, but throws TimeoutError when there is no verdict within `limit`; the task goes on and may be asked again.
  //
  //   try {
  //     std::cout << pool.apply_async<double>("math.sqrt", 2).get(1s) << "\n";
  //   } catch (const bulkhead::TimeoutError& error) {
  //     std::cerr << error.what() << "\n";
  //   }
  template <class Rep, class Period>
  R get(std::chrono::duration<Rep, Period> limit) const& {
    if (!wait(limit)) detail::raise_wait_ended(*completion_);
    return decoder_(*completion_);
  }

  // The last time, unless it throws TimeoutError: then it may be asked again.
  template <class Rep, class Period>
  R get(std::chrono::duration<Rep, Period> limit) && {
    if (!wait(limit)) detail::raise_wait_ended(*completion_);
    return std::move(*this).get();
  }

  // Takes back what no worker has begun; what runs is told (TaskContext::cancelled(), check()) and waited for, at most
  // `grace` (default: not at all; 100 ms for kForce). kForce then kills its worker: no other task is hit. Exact: the
  // outcome tells what happened. Of a map, every item is cancelled; the outcome is that of the one that went furthest.
  //
  //   auto roots = pool.map_async<double>("math.sqrt", std::views::iota(0, 1000));
  //   if (roots.cancel() == bulkhead::CancelOutcome::kStillRunning) roots.cancel(bulkhead::CancelMode::kForce);
  CancelOutcome cancel(CancelMode mode = CancelMode::kCooperative, std::optional<TimeLimit> grace = {}) const {
    return detail::cancel(checked(), mode, grace);
  }

  // co_await result: resumes on the engine's callback thread, or in Engine::dispatch().
  //
  //   [&]() -> Job { std::cout << co_await pool.apply_async<double>("math.sqrt", 2) << "\n"; }();
  [[nodiscard]] bool await_ready() const { return ready(); }
  // The compiler calls it for co_await, and the next.
  void await_suspend(std::coroutine_handle<> coroutine) const {
    detail::when_done(*completion_, [coroutine] { coroutine.resume(); });
  }
  // The result, or its error is thrown.
  R await_resume() const { return decoder_(*completion_); }

 private:
  friend struct detail::ResultAccess;

  detail::Completion& checked() const {
    if (!completion_) detail::raise_no_result();
    return *completion_;
  }

  detail::CompletionRef completion_;
  Decoder decoder_ = nullptr;
};

namespace detail {
struct ResultAccess {
  // Throws UsageError when there is none.
  template <class R>
  [[nodiscard]] static Completion& completion(const AsyncResult<R>& result) {
    return result.checked();
  }
};
}  // namespace detail

}  // namespace bulkhead
