// Waiting for several results at once: wait_any() and as_completed(), after concurrent.futures and
// multiprocessing.connection.wait.
#pragma once

#include <bulkhead/async_result.hpp>
#include <bulkhead/detail/lazy_range.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

namespace bulkhead {

namespace detail {

template <class>
inline constexpr bool is_async_result = false;
template <class R>
inline constexpr bool is_async_result<AsyncResult<R>> = true;

// Throws UsageError for one that was default-constructed or moved from.
template <class Range>
[[nodiscard]] std::vector<Completion*> completions_of(Range& results) {
  std::vector<Completion*> completions;
  for (const auto& result : results) completions.push_back(&ResultAccess::completion(result));
  return completions;
}

// TimeoutError: so many of so many results have no verdict.
[[noreturn]] void raise_none_completed(std::size_t open, std::size_t all);

}  // namespace detail

// A range that holds AsyncResult<R>: a vector, an array, a span.
template <class Range>
concept ResultRange = std::ranges::input_range<Range> && detail::is_async_result<std::ranges::range_value_t<Range>> &&
    std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>>;

//   std::vector<bulkhead::AsyncResult<double>> results;
//   for (const double x : {1.0, 4.0}) results.push_back(pool.apply_async<double>("math.sqrt", x));
//   const std::optional<std::size_t> first = bulkhead::wait_any(results, 1s);
//   if (first) std::cout << results[*first].get() << "\n";
//
// Waits at most `limit` until one of them has a verdict; its index, the lowest when several have. Nothing when none has,
// or there are no results. They may be of several pools and engines. Throws UsageError for a negative time, and for a
// result that belongs to no task.
template <ResultRange Range, class Rep, class Period>
[[nodiscard]] std::optional<std::size_t> wait_any(Range&& results, std::chrono::duration<Rep, Period> limit) {
  const auto completions = detail::completions_of(results);
  const std::size_t found = detail::wait_any(completions, detail::wait_limit(detail::saturate(limit)));
  if (found == completions.size()) return std::nullopt;
  return found;
}
// The same without a limit.
template <ResultRange Range>
[[nodiscard]] std::optional<std::size_t> wait_any(Range&& results) {
  return wait_any(results, std::chrono::nanoseconds::max());
}

// One of the results, as as_completed() gives them.
template <class R>
struct Completed {
  std::size_t index = 0;  // in the range
  AsyncResult<R> result;  // has its verdict
};

namespace detail {
template <class R>
class CompletedSource {
 public:
  using Item = Completed<R>;

  explicit CompletedSource(std::vector<AsyncResult<R>> results)
      : results_(std::move(results)), queue_(completions_of(results_)) {}

  bool wait(std::chrono::steady_clock::time_point until) {
    if (next_) return true;
    if (queue_.size() == 0) return false;
    next_ = queue_.next(until);
    if (!next_) raise_none_completed(queue_.size(), results_.size());
    return true;
  }
  Item take() {
    const std::size_t index = *std::exchange(next_, std::nullopt);
    return {.index = index, .result = std::move(results_[index])};
  }

 private:
  std::vector<AsyncResult<R>> results_;  // those that were not taken
  CompletionQueue queue_;                // over results_
  std::optional<std::size_t> next_;
};
}  // namespace detail

// A single-pass range of Completed<R>: each result once, in the order in which they get their verdicts, those that
// have theirs at the call first. So concurrent.futures.as_completed. A failed result is an item like any other: its
// get() throws.
//
// next() gives the next one, waiting for it, and nothing at the end; next(limit) throws TimeoutError when there is none
// in time, and can be called again.
//
// Ownership: holds copies of the results until they are taken. Dropping it neither waits nor cancels.
// Threads:   one at a time.
template <class R>
class [[nodiscard]] AsCompleted : public detail::LazyRange<detail::CompletedSource<R>> {
 public:
  // For as_completed().
  explicit AsCompleted(std::vector<AsyncResult<R>> results)
      : detail::LazyRange<detail::CompletedSource<R>>(detail::CompletedSource<R>(std::move(results))) {}
};

namespace detail {
template <class>
struct ResultOf;
template <class R>
struct ResultOf<AsyncResult<R>> {
  using type = R;
};
}  // namespace detail

//   std::vector<bulkhead::AsyncResult<double>> results;
//   for (const double x : {1.0, 4.0}) results.push_back(pool.apply_async<double>("math.sqrt", x));
//   for (const auto& done : bulkhead::as_completed(results)) std::cout << done.index << ": " << done.result.get() << "\n";
//
// Throws UsageError for a result that belongs to no task.
template <std::ranges::input_range Range>
requires detail::is_async_result<std::ranges::range_value_t<Range>>
    AsCompleted<typename detail::ResultOf<std::ranges::range_value_t<Range>>::type> as_completed(Range&& results) {
  using Result = std::ranges::range_value_t<Range>;
  std::vector<Result> copies;
  for (auto&& result : results) copies.push_back(std::forward<decltype(result)>(result));
  return AsCompleted<typename detail::ResultOf<Result>::type>(std::move(copies));
}

}  // namespace bulkhead
