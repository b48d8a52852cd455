// A pool of workers that run tasks: multiprocessing's Pool.
#pragma once

#include <bulkhead/async_result.hpp>
#include <bulkhead/detail/chunks.hpp>
#include <bulkhead/imap.hpp>
#include <bulkhead/options.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace bulkhead {

namespace detail {

void call_back(const std::function<void(const Error&)>& on_error, const std::exception_ptr& error);

// One of the two callbacks, with the decoded result or the error.
template <class R, class OnResult>
[[nodiscard]] VerdictCallback verdict_callback(R (*decode)(const Completion&), OnResult on_result,
                                               std::function<void(const Error&)> on_error) {
  if (!on_result && !on_error) return {};
  return [decode, on_result = std::move(on_result), on_error = std::move(on_error)](Completion& completion) {
    if constexpr (std::is_void_v<R>) {
      try {
        decode(completion);
      } catch (...) {
        return call_back(on_error, std::current_exception());
      }
      if (on_result) on_result();
    } else {
      std::optional<R> result;
      try {
        result.emplace(decode(completion));
      } catch (...) {
        return call_back(on_error, std::current_exception());
      }
      if (on_result) on_result(*result);
    }
  };
}

}  // namespace detail

template <class Signature>
class TaskHandle;

// What became of one call of map_json_async().
struct JsonOutcome {
  std::string result;        // JSON text; empty when it failed
  std::exception_ptr error;  // null when it succeeded
};

// Ownership: movable handle; the destructor terminates: what has no verdict by then gets PoolClosed.
// Threads:   any number may submit and wait at the same time; moving and destroying need the pool to oneself.
// Errors:    every call may throw TaskNotFound, SignatureMismatch, ArgumentError (nothing ran), PayloadError
//            (arguments without a form, or above 2 GiB), PoolClosed and PoolBroken. What a task did wrong is thrown
//            by get(). In a child after fork() everything throws UsageError, and the destructor does nothing.
class Pool {
 public:
  // For Engine.
  explicit Pool(std::shared_ptr<detail::Backend> backend) : backend_(std::move(backend)) {}
  Pool(Pool&&) noexcept = default;
  Pool& operator=(Pool&& other) noexcept {
    std::swap(backend_, other.backend_);
    return *this;
  }
  ~Pool() {
    if (backend_ && !backend_->is_forked_copy()) backend_->terminate();
  }

  // Runs one call and waits for its result.
  template <class R, class... A>
  R apply(std::string_view task, const A&... arguments) {
    return apply_async<R>(task, arguments...).get();
  }
  template <class R, class... A>
  R apply(std::string_view task, CallOptions<R> options, const A&... arguments) {
    return apply_async<R>(task, std::move(options), arguments...).get();
  }

  // Submits one call.
  template <class R, class... A>
  AsyncResult<R> apply_async(std::string_view task, const A&... arguments) {
    return start<R>(detail::find_and_bind<R, A...>(*backend_, task), {}, arguments...);
  }
  template <class R, class... A>
  AsyncResult<R> apply_async(std::string_view task, CallOptions<R> options, const A&... arguments) {
    return start<R>(detail::find_and_bind<R, A...>(*backend_, task), std::move(options), arguments...);
  }

  // Runs the task on every element of any input range; results in the order of the input. Waits for all of them, also
  // when one fails (as multiprocessing does), then throws the first error by index. An exception of the range's own
  // leaves map, and the pool is usable again.
  template <class R, std::ranges::input_range Range>
  map_result_t<R> map(std::string_view task, Range&& range, MapOptions<R> options = {}) {
    return map_async<R>(task, std::forward<Range>(range), std::move(options)).get();
  }
  template <class R, std::ranges::input_range Range>
  AsyncResult<map_result_t<R>> map_async(std::string_view task, Range&& range, MapOptions<R> options = {}) {
    return start_map<R, detail::Spread::kOneArgument>(task, range, std::move(options));
  }

  // The same with the parts of each element (a tuple, pair or array) as the arguments.
  template <class R, std::ranges::input_range Range>
  map_result_t<R> starmap(std::string_view task, Range&& range, MapOptions<R> options = {}) {
    return starmap_async<R>(task, std::forward<Range>(range), std::move(options)).get();
  }
  template <class R, std::ranges::input_range Range>
  AsyncResult<map_result_t<R>> starmap_async(std::string_view task, Range&& range, MapOptions<R> options = {}) {
    return start_map<R, detail::Spread::kTuple>(task, range, std::move(options));
  }

  // Results one after the other, while the input is read a bounded window ahead. Callbacks are not used: UsageError.
  template <class R, std::ranges::viewable_range Range>
  requires std::ranges::input_range<Range> Imap<R> imap(std::string_view task, Range&& range,
                                                        MapOptions<R> options = {}) {
    refuse_callbacks(options.on_result || options.on_error);
    return Imap<R>::template over<detail::Spread::kOneArgument>(
        backend_, task, std::views::all(std::forward<Range>(range)), options.chunk_size);
  }

  // One call with arguments and result as JSON text (the natural JSON of WIRE.md): an array of the arguments, or an
  // object by parameter names where the task tells them. Text that is not JSON, or not of the task's types, is the
  // call's PayloadError.
  std::string apply_json(std::string_view task, std::string_view arguments) {
    return apply_json_async(task, arguments).get();
  }
  AsyncResult<std::string> apply_json_async(std::string_view task, std::string_view arguments,
                                            CallOptions<std::string> options = {});
  // Calls that travel together, as one chunk, each with arguments like those of apply_json and a verdict of its own:
  // get() throws no call's error. `on_done` is called once, before wait() on this result returns.
  AsyncResult<std::vector<JsonOutcome>> map_json_async(std::string_view task, std::span<const std::string> calls,
                                                       std::function<void()> on_done = {});

  // A task checked here, once: handle(2, 3), handle.async(2, 3), handle.map(range). The pool must outlive it.
  template <class Signature>
  [[nodiscard]] TaskHandle<Signature> task(std::string_view name) {
    return TaskHandle<Signature>(*backend_, name);
  }

  // Workers, whether they are ready yet or not.
  [[nodiscard]] int processes() const { return static_cast<int>(backend_->worker_count()); }

  // No more submissions (PoolClosed); what was submitted runs to its end, then the workers leave.
  void close() { backend_->close(); }
  // Stops now: workers are killed, everything without a verdict gets PoolClosed. Does not wait.
  void terminate() { backend_->terminate(); }
  // Waits until all has been done and the workers are gone. Throws UsageError before close() or terminate().
  void join() { backend_->join(); }

 private:
  template <class>
  friend class TaskHandle;

  template <class R, class... A>
  static AsyncResult<R> start_on(detail::Backend& backend, const detail::Binding& binding, CallOptions<R> options,
                                 const A&... arguments) {
    sdk::BufferSink& buffer = detail::scratch_buffer();
    buffer.clear();
    detail::encode_arguments(buffer, binding, arguments...);
    const auto bytes = buffer.bytes();
    constexpr auto kDecode = &detail::Decode<R>::from;
    return AsyncResult<R>(
        backend.submit({.task = binding.task, .stride = static_cast<std::uint32_t>(bytes.size()), .bytes = bytes},
                       detail::verdict_callback<R>(kDecode, std::move(options.on_result), std::move(options.on_error))),
        kDecode);
  }
  template <class R, class... A>
  AsyncResult<R> start(const detail::Binding& binding, CallOptions<R> options, const A&... arguments) {
    return start_on<R>(*backend_, binding, std::move(options), arguments...);
  }

  template <class R, detail::Spread kSpread, class Range>
  AsyncResult<map_result_t<R>> start_map(std::string_view task, Range& range, MapOptions<R> options) {
    using Results = map_result_t<R>;
    const auto binding = detail::bind_element<R, kSpread, detail::element_t<Range&>>(*backend_, task);
    constexpr auto kDecode = &detail::DecodeMap<R>::from;
    auto map = backend_->begin_map(
        *binding.task,
        detail::verdict_callback<Results>(kDecode, std::move(options.on_result), std::move(options.on_error)));
    detail::feed_map<R, kSpread>(*backend_, *map, binding, range, options.chunk_size);
    return AsyncResult<Results>(std::move(map), kDecode);
  }

  static void refuse_callbacks(bool has_callbacks);

  std::shared_ptr<detail::Backend> backend_;
};

// A task whose name and types were checked when the handle was made: a call costs no look-up.
template <class R, class... A>
class TaskHandle<R(A...)> {
 public:
  TaskHandle(detail::Backend& backend, std::string_view name)
      : backend_(&backend), binding_(detail::bind<R, std::remove_cvref_t<A>...>(backend.find_task(name))) {}

  R operator()(const std::remove_cvref_t<A>&... arguments) const { return async(arguments...).get(); }
  AsyncResult<R> async(const std::remove_cvref_t<A>&... arguments) const {
    return Pool::start_on<R>(*backend_, binding_, {}, arguments...);
  }
  // Of a task with one parameter.
  template <std::ranges::input_range Range>
  requires(sizeof...(A) == 1) map_result_t<R> map(Range&& range, std::optional<int> chunk_size = {})
  const {
    const auto binding = detail::bind<R, detail::element_t<Range&>>(*binding_.task);
    auto result = backend_->begin_map(*binding.task, {});
    detail::feed_map<R, detail::Spread::kOneArgument>(*backend_, *result, binding, range, chunk_size);
    return AsyncResult<map_result_t<R>>(std::move(result), &detail::DecodeMap<R>::from).get();
  }

 private:
  detail::Backend* backend_;
  detail::Binding binding_;
};

}  // namespace bulkhead
