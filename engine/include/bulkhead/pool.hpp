// A pool of workers that run tasks: multiprocessing's Pool.
#pragma once

#include <bulkhead/async_result.hpp>
#include <bulkhead/detail/chunks.hpp>
#include <bulkhead/detail/number_map.hpp>
#include <bulkhead/detail/side_by_side.hpp>
#include <bulkhead/imap.hpp>
#include <bulkhead/options.hpp>
#include <bulkhead/stats.hpp>

#include <chrono>
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
// What on_error is told when there is no memory for anything else. Made by the first call, which may throw.
[[nodiscard]] const Error& out_of_memory_error();

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

// What became of one call of map_json_async(): see there.
struct JsonOutcome {
  std::string result;        // JSON text; empty when it failed
  std::exception_ptr error;  // null when it succeeded
};

// Ownership: movable handle; the destructor terminates: what has no verdict by then gets PoolClosed.
// Threads:   any number may submit and wait at the same time; moving and destroying need the pool to oneself.
// Errors:    every call may throw TaskNotFound, SignatureMismatch, ArgumentError (nothing ran), PayloadError
//            (arguments without a form, or above 2 GiB), QueueFull, PoolClosed and PoolBroken. What an argument's own
//            serialize throws leaves the call as it is. What a task did wrong is thrown by get(). In a child after
//            fork() everything throws UsageError, and the destructor does nothing.
class Pool {
 public:
  // For Engine.
  explicit Pool(std::shared_ptr<detail::Backend> backend) : backend_(std::move(backend)) {}
  // What was moved from can only be destroyed or assigned to.
  Pool(Pool&&) noexcept = default;
  // Exchanges the two: what was here ends with the other.
  Pool& operator=(Pool&& other) noexcept {
    std::swap(backend_, other.backend_);
    return *this;
  }
  ~Pool() {
    if (backend_ && !backend_->is_forked_copy()) backend_->terminate();
  }

  // Runs one call and waits for its result.
  //
  //   const auto five = pool.apply<std::int64_t>("math.add", 2, 3);
  //   const auto soon = pool.apply<std::int64_t>("math.add", {.timeout = 1s}, 2, 3);
  template <class R, class... A>
  R apply(std::string_view task, const A&... arguments) {
    return apply_async<R>(task, arguments...).get();
  }
  // The same with options.
  template <class R, class... A>
  R apply(std::string_view task, CallOptions<R> options, const A&... arguments) {
    return apply_async<R>(task, std::move(options), arguments...).get();
  }

  // Submits one call.
  //
  //   auto sum = pool.apply_async<std::int64_t>("math.add", 2, 3);
  //   auto sure = pool.apply_async<std::int64_t>("math.add", {.retries = 2}, 2, 3);
  //   std::cout << sum.get() + sure.get() << "\n";
  template <class R, class... A>
  AsyncResult<R> apply_async(std::string_view task, const A&... arguments) {
    return start_on<R>(*backend_, detail::find_and_bind<R, A...>(*backend_, task), arguments...);
  }
  // The same with options.
  template <class R, class... A>
  AsyncResult<R> apply_async(std::string_view task, CallOptions<R> options, const A&... arguments) {
    return start_on<R>(*backend_, detail::find_and_bind<R, A...>(*backend_, task), std::move(options), arguments...);
  }

  // Runs the task on every element of any input range; results in the order of the input. Waits for all of them, also
  // when one fails (as multiprocessing does), then throws the first error by index. An exception of the range's own
  // leaves map, and the pool is usable again. Of numbers that lie side by side only a part is on its way at any time; a
  // pool that is closed meanwhile finishes all of them, a drain() those that it has time for.
  //
  //   const std::vector<double> xs{1, 4, 9};
  //   const std::vector<double> roots = pool.map<double>("math.sqrt", xs);
  //   auto later = pool.map_async<double>("math.sqrt", std::views::iota(0, 1000), {.chunk_size = 50});
  template <class R, std::ranges::input_range Range>
  map_result_t<R> map(std::string_view task, Range&& range, MapOptions<R> options = {}) {
    return map_and_wait<R>(
        *backend_, detail::bind_element<R, detail::Spread::kOneArgument, detail::element_t<Range&>>(*backend_, task),
        range, std::move(options));
  }
  // The same without waiting. Submits all items before it returns; the range is not needed any more then.
  template <class R, std::ranges::input_range Range>
  AsyncResult<map_result_t<R>> map_async(std::string_view task, Range&& range, MapOptions<R> options = {}) {
    return map_on<R, detail::Spread::kOneArgument>(task, range, std::move(options));
  }

  // The same with the parts of each element (a tuple, pair or array) as the arguments.
  //
  //   const std::vector<std::pair<int, int>> pairs{{1, 2}, {3, 4}};
  //   const auto sums = pool.starmap<std::int64_t>("math.add", pairs);
  template <class R, std::ranges::input_range Range>
  map_result_t<R> starmap(std::string_view task, Range&& range, MapOptions<R> options = {}) {
    return starmap_async<R>(task, std::forward<Range>(range), std::move(options)).get();
  }
  // The same without waiting.
  template <class R, std::ranges::input_range Range>
  AsyncResult<map_result_t<R>> starmap_async(std::string_view task, Range&& range, MapOptions<R> options = {}) {
    return map_on<R, detail::Spread::kTuple>(task, range, std::move(options));
  }

  // The same with several ranges side by side, one for each argument; the shortest ends it, as in Python's
  // starmap(f, zip(xs, ys)). Options come before the ranges here.
  //
  //   const std::vector<int> xs{1, 2, 3};
  //   const auto sums = pool.starmap<std::int64_t>("math.add", xs, std::views::iota(0));
  //   const auto urgent = pool.starmap<std::int64_t>("math.add", {.priority = 7}, xs, std::views::iota(0));
  template <class R, std::ranges::viewable_range... Ranges>
  requires(sizeof...(Ranges) > 1 && (std::ranges::input_range<Ranges> && ...))
      map_result_t<R> starmap(std::string_view task, MapOptions<R> options, Ranges&&... ranges) {
    return starmap_async<R>(task, std::move(options), std::forward<Ranges>(ranges)...).get();
  }
  // The same without options.
  template <class R, std::ranges::viewable_range... Ranges>
  requires(sizeof...(Ranges) > 1 && (std::ranges::input_range<Ranges> &&
                                     ...)) map_result_t<R> starmap(std::string_view task, Ranges&&... ranges) {
    return starmap_async<R>(task, MapOptions<R>{}, std::forward<Ranges>(ranges)...).get();
  }
  // The same without waiting.
  template <class R, std::ranges::viewable_range... Ranges>
  requires(sizeof...(Ranges) > 1 && (std::ranges::input_range<Ranges> && ...))
      AsyncResult<map_result_t<R>> starmap_async(std::string_view task, MapOptions<R> options, Ranges&&... ranges) {
    detail::SideBySide rows(std::views::all(std::forward<Ranges>(ranges))...);
    return map_on<R, detail::Spread::kTuple>(task, rows, std::move(options));
  }
  // The same without options.
  template <class R, std::ranges::viewable_range... Ranges>
  requires(sizeof...(Ranges) > 1 &&
           (std::ranges::input_range<Ranges> && ...)) AsyncResult<map_result_t<R>> starmap_async(std::string_view task,
                                                                                                 Ranges&&... ranges) {
    return starmap_async<R>(task, MapOptions<R>{}, std::forward<Ranges>(ranges)...);
  }

  // Results one after the other, in the order of the input, which is read a bounded window ahead. Callbacks are not
  // used: UsageError.
  //
  //   for (const auto square : pool.imap<std::int64_t>("math.square", std::views::iota(1))) {
  //     if (square > 1000) break;
  //   }
  template <class R, std::ranges::viewable_range Range>
  requires std::ranges::input_range<Range> Imap<R> imap(std::string_view task, Range&& range,
                                                        MapOptions<R> options = {}) {
    return stream_on<R>(task, detail::StreamOrder::kInput, std::forward<Range>(range), std::move(options));
  }
  // The same, but in the order in which results come; outcomes() tells whose they are. Results of one chunk come
  // together.
  //
  //   const std::vector<double> xs{1, -1, 9};
  //   for (const auto& outcome : pool.imap_unordered<double>("math.sqrt", xs).outcomes()) {
  //     std::cout << outcome.index() << ": " << (outcome ? "ok" : outcome.error().what()) << "\n";
  //   }
  template <class R, std::ranges::viewable_range Range>
  requires std::ranges::input_range<Range> Imap<R> imap_unordered(std::string_view task, Range&& range,
                                                                  MapOptions<R> options = {}) {
    return stream_on<R>(task, detail::StreamOrder::kVerdict, std::forward<Range>(range), std::move(options));
  }

  // One call with arguments and result as JSON text (the natural JSON of WIRE.md): an array of the arguments, or an
  // object by parameter names where the task tells them. Text that is not JSON, or not of the task's types, is the
  // call's PayloadError.
  //
  //   const std::string five = pool.apply_json("math.add", "[2, 3]");
  //   const std::string same = pool.apply_json("math.add", R"({"a": 2, "b": 3})");
  std::string apply_json(std::string_view task, std::string_view arguments) {
    return apply_json_async(task, arguments).get();
  }
  // The same without waiting, with options.
  AsyncResult<std::string> apply_json_async(std::string_view task, std::string_view arguments,
                                            CallOptions<std::string> options = {});
  // Calls that travel together, as one chunk, each with arguments like those of apply_json and a verdict of its own.
  // The options are each call's; with retries or a soft timeout each travels alone. get() throws no call's error, so
  // on_error is not used: on_result is called once, when all have a verdict, before wait() on this result returns.
  //
  //   const std::vector<std::string> calls{"[1, 2]", "[3, 4]"};
  //   for (const auto& outcome : pool.map_json_async("math.add", calls).get()) {
  //     if (!outcome.error) std::cout << outcome.result << "\n";
  //   }
  AsyncResult<std::vector<JsonOutcome>> map_json_async(std::string_view task, std::span<const std::string> calls,
                                                       CallOptions<void> options = {});

  // A task checked here, once.
  //
  //   const auto add = pool.task<std::int64_t(std::int64_t, std::int64_t)>("math.add");
  //   std::cout << add(2, 3) << add.async({.timeout = 1s}, 2, 3).get() << "\n";
  template <class Signature>
  [[nodiscard]] TaskHandle<Signature> task(std::string_view name) {
    return TaskHandle<Signature>(backend_, name);
  }

  // Workers, whether they are ready yet or not.
  [[nodiscard]] int processes() const { return static_cast<int>(backend_->worker_count()); }

  // From now on so many workers: new ones are started, or those without work, then others once their task has ended,
  // leave. Returns at once and loses nothing. Throws UsageError for less than one, ResourceError.
  //
  //   pool.resize(pool.processes() + 2);
  void resize(int processes) { backend_->resize(processes); }

  // What has been done and is being done, by task and by worker.
  //
  //   for (const auto& task : pool.stats().tasks) {
  //     std::cout << task.task << ": " << task.done << " of " << task.submitted << "\n";
  //   }
  [[nodiscard]] PoolStats stats() const { return backend_->stats(); }

  // An orderly end with a limit: closes the pool and lets what was submitted finish; at `deadline` tells the running
  // tasks to stop (TaskContext::cancelled()) and drops the others (TaskCancelled); kills what has not stopped after
  // `soft_grace`. Returns when the workers are gone, with what happened to every task that had no verdict at the call.
  //
  //   const auto report = pool.drain(10s);
  //   std::cout << report.count(bulkhead::DrainedTask::Outcome::kNeverRan) << " never ran\n";
  DrainReport drain(std::chrono::steady_clock::time_point deadline, TimeLimit soft_grace = std::chrono::seconds(1)) {
    return backend_->drain(deadline, soft_grace.value());
  }
  // The same from now on.
  template <class Rep, class Period>
  DrainReport drain(std::chrono::duration<Rep, Period> limit, TimeLimit soft_grace = std::chrono::seconds(1)) {
    return drain(detail::wait_limit(detail::saturate(limit)), soft_grace);
  }

  // Tries again what was given up: plugins that kept workers from getting ready (their tasks get PluginError, with
  // Reason::kCircuitOpen and the first cause), tasks in quarantine (Reason::kQuarantined), or the whole pool (PoolBroken).
  // Workers that did without such a plugin are replaced. Returns at once; what got its error keeps it. Throws PoolClosed after close() or terminate().
  //
  //   pool.revive();  // the licence server is back
  void revive() { backend_->revive(); }

  // No more submissions (PoolClosed); what was submitted runs to its end, then the workers leave.
  //
  //   pool.close();  // or terminate()
  //   pool.join();
  void close() { backend_->close(); }
  // Stops now: workers are killed, everything without a verdict gets PoolClosed. Does not wait.
  void terminate() { backend_->terminate(); }
  // Waits until all has been done, the callbacks of its results too, and the workers are gone. In a callback it does not
  // wait for callbacks. Throws UsageError before close() or terminate().
  void join() { backend_->join(); }

 private:
  template <class>
  friend class TaskHandle;

  template <class... A>
  static detail::Submission submission_of(detail::ArgumentSink& sink, const detail::Binding& binding,
                                          const detail::Terms* terms, const A&... arguments) {
    detail::encode_arguments(sink, binding, arguments...);
    const auto bytes = sink.bytes();
    return {.task = binding.task,
            .stride = static_cast<std::uint32_t>(bytes.size()),
            .bytes = bytes,
            .terms = terms,
            .arrays = sink.take_held(),
            .lent = sink.lent()};
  }
  template <class R, class... A>
  static AsyncResult<R> start_on(detail::Backend& backend, const detail::Binding& binding, const A&... arguments) {
    if (!binding.task->policy.is_plain()) return start_on<R>(backend, binding, CallOptions<R>{}, arguments...);
    const detail::ThreadSink sink(backend);
    return AsyncResult<R>(backend.submit(submission_of(*sink, binding, nullptr, arguments...), {}),
                          &detail::Decode<R>::from);
  }
  template <class R, class... A>
  static AsyncResult<R> start_on(detail::Backend& backend, const detail::Binding& binding, CallOptions<R> options,
                                 const A&... arguments) {
    const detail::Terms terms = detail::resolve_terms(*binding.task, detail::terms_of(options));
    constexpr auto kDecode = &detail::Decode<R>::from;
    const detail::ThreadSink sink(backend);
    return AsyncResult<R>(
        backend.submit(submission_of(*sink, binding, terms.are_plain() ? nullptr : &terms, arguments...),
                       detail::verdict_callback<R>(kDecode, std::move(options.on_result), std::move(options.on_error))),
        kDecode);
  }

  template <class R, detail::Spread kSpread, class Range>
  AsyncResult<map_result_t<R>> map_on(std::string_view task, Range& range, MapOptions<R> options) {
    return start_map<R, kSpread>(*backend_,
                                 detail::bind_element<R, kSpread, detail::element_t<Range&>>(*backend_, task), range,
                                 std::move(options));
  }
  template <class R, detail::Spread kSpread, class Range>
  static AsyncResult<map_result_t<R>> start_map(detail::Backend& backend, const detail::Binding& binding, Range& range,
                                                MapOptions<R> options) {
    using Results = map_result_t<R>;
    constexpr auto kDecode = &detail::DecodeMap<R>::from;
    const detail::Terms terms = detail::resolve_terms(*binding.task, detail::terms_of(options));
    auto map = backend.begin_map(*binding.task, detail::verdict_callback<Results>(kDecode, std::move(options.on_result),
                                                                                  std::move(options.on_error)));
    detail::feed_map<R, kSpread>(backend, *map, binding, range, options.chunk_size, terms);
    return AsyncResult<Results>(std::move(map), kDecode);
  }

  template <class R, class Range>
  static map_result_t<R> map_and_wait(detail::Backend& backend, const detail::Binding& binding, Range& range,
                                      MapOptions<R> options) {
    if constexpr (detail::maps_numbers<R, Range>()) {
      const bool may_map = !options.on_result && !options.on_error && !std::ranges::empty(range);
      MapOptions<R> asked = may_map ? options : MapOptions<R>{};
      const detail::Terms terms = detail::resolve_terms(*binding.task, detail::terms_of(asked));
      if (may_map && detail::can_map_numbers<R>(backend, binding, terms)) {
        const auto chunk = detail::known_chunk_items(range, options.chunk_size, backend.worker_count(),
                                                     binding.task->fixed_argument_bytes);
        return detail::map_numbers<R>(backend, binding, range, *chunk, terms);
      }
    }
    return start_map<R, detail::Spread::kOneArgument>(backend, binding, range, std::move(options)).get();
  }

  template <class R, class Range>
  Imap<R> stream_on(std::string_view task, detail::StreamOrder order, Range&& range, MapOptions<R> options) {
    const auto binding =
        detail::bind_element<R, detail::Spread::kOneArgument, detail::element_t<Range>>(*backend_, task);
    return start_stream<R>(backend_, binding, order, std::forward<Range>(range), std::move(options));
  }
  template <class R, class Range>
  static Imap<R> start_stream(std::shared_ptr<detail::Backend> backend, const detail::Binding& binding,
                              detail::StreamOrder order, Range&& range, MapOptions<R> options) {
    refuse_callbacks(options.on_result || options.on_error);
    using View = std::views::all_t<Range>;
    auto chunks = std::make_unique<detail::ViewChunks<detail::Spread::kOneArgument, View>>(
        binding, std::views::all(std::forward<Range>(range)), options.chunk_size,
        detail::resolve_terms(*binding.task, detail::terms_of(options)));
    return Imap<R>(detail::ChunkStream(std::move(backend), std::move(chunks), order));
  }

  static void refuse_callbacks(bool has_callbacks);

  std::shared_ptr<detail::Backend> backend_;
};

// A task whose name and types were checked when the handle was made: a call costs no look-up. What its members do is
// told at those of Pool.
//
//   const auto root = pool.task<double(double)>("math.sqrt");
//   const std::vector<double> roots = root.map(std::vector<double>{1, 4, 9}, {.chunk_size = 2});
//   for (const double x : root.imap(std::views::iota(0, 10))) std::cout << x << "\n";
//
// Ownership: copyable. Once the pool's object is gone, calls throw PoolClosed.
// Threads:   const members any.
template <class R, class... A>
class TaskHandle<R(A...)> {
 public:
  // For Pool::task().
  TaskHandle(std::shared_ptr<detail::Backend> backend, std::string_view name)
      : backend_(std::move(backend)), binding_(detail::bind<R, std::remove_cvref_t<A>...>(backend_->find_task(name))) {}

  // Pool::apply().
  R operator()(const std::remove_cvref_t<A>&... arguments) const { return async(arguments...).get(); }
  // Pool::apply_async().
  AsyncResult<R> async(const std::remove_cvref_t<A>&... arguments) const {
    return Pool::start_on<R>(*backend_, binding_, arguments...);
  }
  // The same with options.
  AsyncResult<R> async(CallOptions<R> options, const std::remove_cvref_t<A>&... arguments) const {
    return Pool::start_on<R>(*backend_, binding_, std::move(options), arguments...);
  }

  // Each element is the argument of a task with one parameter.
  template <std::ranges::input_range Range>
  map_result_t<R> map(Range&& range, MapOptions<R> options = {}) const {
    return Pool::map_and_wait<R>(
        *backend_, detail::bind_element<R, detail::Spread::kOneArgument, detail::element_t<Range&>>(*binding_.task),
        range, std::move(options));
  }
  // The same without waiting.
  template <std::ranges::input_range Range>
  AsyncResult<map_result_t<R>> map_async(Range&& range, MapOptions<R> options = {}) const {
    return start_map<detail::Spread::kOneArgument>(range, std::move(options));
  }
  // The parts of each element are the arguments.
  template <std::ranges::input_range Range>
  map_result_t<R> starmap(Range&& range, MapOptions<R> options = {}) const {
    return starmap_async(range, std::move(options)).get();
  }
  // The same without waiting.
  template <std::ranges::input_range Range>
  AsyncResult<map_result_t<R>> starmap_async(Range&& range, MapOptions<R> options = {}) const {
    return start_map<detail::Spread::kTuple>(range, std::move(options));
  }
  // Results one after the other, in the order of the input.
  template <std::ranges::viewable_range Range>
  requires std::ranges::input_range<Range> Imap<R> imap(Range&& range, MapOptions<R> options = {})
  const { return start_stream(detail::StreamOrder::kInput, std::forward<Range>(range), std::move(options)); }
  // The same as they come.
  template <std::ranges::viewable_range Range>
  requires std::ranges::input_range<Range> Imap<R> imap_unordered(Range&& range, MapOptions<R> options = {})
  const { return start_stream(detail::StreamOrder::kVerdict, std::forward<Range>(range), std::move(options)); }

 private:
  template <detail::Spread kSpread, class Range>
  AsyncResult<map_result_t<R>> start_map(Range& range, MapOptions<R> options) const {
    const auto binding = detail::bind_element<R, kSpread, detail::element_t<Range&>>(*binding_.task);
    return Pool::start_map<R, kSpread>(*backend_, binding, range, std::move(options));
  }
  template <class Range>
  Imap<R> start_stream(detail::StreamOrder order, Range&& range, MapOptions<R> options) const {
    const auto binding =
        detail::bind_element<R, detail::Spread::kOneArgument, detail::element_t<Range>>(*binding_.task);
    return Pool::start_stream<R>(backend_, binding, order, std::forward<Range>(range), std::move(options));
  }

  std::shared_ptr<detail::Backend> backend_;
  detail::Binding binding_;
};

}  // namespace bulkhead
