// What can be said about an engine, a pool, a call and a map.
//
// Every field is optional: one that is not set is asked of the manifest, then of the plugin, then has the default told
// here. Fields are in a fixed order, so that designated initialisers go on compiling; new ones come at the end.
#pragma once

#include <bulkhead/error.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bulkhead {

namespace detail {

struct TaskInfo;

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

}  // namespace detail

// A length of time, from any duration: one too large for nanoseconds is for ever, as is kNoLimit.
class TimeLimit {
 public:
  // Implicit, so that 5s is one.
  template <class Rep, class Period>
  constexpr TimeLimit(std::chrono::duration<Rep, Period> duration) noexcept : value_(detail::saturate(duration)) {}
  // nanoseconds::max() for one without end.
  [[nodiscard]] constexpr std::chrono::nanoseconds value() const noexcept { return value_; }
  // Whether it has no end.
  [[nodiscard]] constexpr bool is_for_ever() const noexcept { return value_ == std::chrono::nanoseconds::max(); }

 private:
  std::chrono::nanoseconds value_;
};

// Removes a limit that the manifest or the plugin sets. What [limits] of the manifest says stays.
//
//   auto sum = pool.apply_async<std::int64_t>("math.add", {.timeout = bulkhead::kNoLimit}, 2, 3);
struct NoLimit {
  // Without end.
  constexpr operator TimeLimit() const noexcept { return std::chrono::nanoseconds::max(); }
  // The largest: of counts, such as PoolOptions::max_tasks_per_child.
  constexpr operator int() const noexcept { return std::numeric_limits<int>::max(); }
  // The largest: of bytes, such as PoolOptions::max_rss.
  constexpr operator std::uint64_t() const noexcept { return std::numeric_limits<std::uint64_t>::max(); }
};
// The one that is written.
inline constexpr NoLimit kNoLimit{};

// How workers come to be, with multiprocessing's names.
//
//   auto fresh = engine.pool({.start_method = bulkhead::StartMethod::kSpawn});
//   auto threads = engine.pool({.processes = 4, .start_method = bulkhead::StartMethod::kThread});
enum class StartMethod : std::uint8_t {
  kForkserver,  // forked from a small process that never ran plugin code: fast, and the default
  kSpawn,       // a fresh executable each time
  kFork,        // copies of the host as it was when its engine was made (EngineOptions::start_method)
  kThread,      // threads of the host: multiprocessing's ThreadPool. No crash isolation, no limit that kills; what
                // still runs two seconds after its pool is gone is left to itself
};

// What becomes of what a task changed of the process it ran in.
//
//   auto pool = engine.pool({.hygiene = bulkhead::Hygiene::kStrict});
enum class Hygiene : std::uint8_t {
  kNone,    // it stays: later tasks of that worker find it
  kStrict,  // it is put back before the next task
};

// Who runs callbacks and resumes coroutines.
enum class Callbacks : std::uint8_t {
  kOwnThread,  // a thread of the engine's
  kManual,     // the host, in Engine::dispatch(), when Engine::event_fd() is readable
};

// A line that a worker wrote: by log(), or to stdout or stderr.
//
//   const auto print = [](const bulkhead::WorkerLine& line) {
//     std::clog << line.worker_pid << " " << line.task << ": " << line.text << "\n";
//   };
//   auto engine = bulkhead::Engine::from_plugins({"math.so"}, {.on_worker_line = print});
struct WorkerLine {
  // When it was written.
  enum class Moment : std::uint8_t {
    kStarting,   // while it loads and initialises plugins: it has run no task
    kInTask,     // while `task` ran
    kAfterTask,  // behind `task`, before the next: what was printed at its end, or by a thread that it left behind
  };
  int level = 0;                      // spdlog's numbers: what log() was told; 3 (warning) of what was printed
  bool is_log = false;                // by log()
  std::uint32_t worker = 0;           // its slot in the pool, as WorkerStats::slot
  std::int64_t worker_pid = 0;        // of its process
  Moment moment = Moment::kStarting;  // what the worker was doing
  // For log() exactly the caller's. What was printed is looked at a moment later: of tasks that take less than a
  // millisecond it may be one of the next.
  std::string_view plugin;    // empty: not known
  std::string_view task;      // its full name; empty when starting, as the two below are 0
  std::uint64_t task_id = 0;  // the engine's number of the call
  std::uint32_t attempt = 0;  // from 1
  std::string_view text;      // printable UTF-8, without its end; at most 4 KiB, before other bytes became `\x1b`
};

//   auto engine = bulkhead::Engine::from_plugins(
//       {"math.so"}, {.worker_program = "/opt/app/bulkhead-worker",
//                     .on_log = [](int level, std::string_view text) { std::clog << level << " " << text << "\n"; },
//                     .callbacks = bulkhead::Callbacks::kManual});
struct EngineOptions {
  // The worker program. Default: $BULKHEAD_WORKER, the place compiled in, beside the library, beside the executable.
  std::optional<std::filesystem::path> worker_program = {};
  // Folders searched for plugins that the manifest names without a path, after $BULKHEAD_PLUGIN_PATH.
  std::vector<std::filesystem::path> plugin_dirs = {};
  // Receives the log: the engine's own lines, and those of workers (level: spdlog's numbers, 0 trace … 5 critical). From
  // level $BULKHEAD_LOG on, or what [log] of the manifest says, or "info". Called from any thread, where it holds up
  // other results; must not call the engine. Default: stderr, there from "warning" on. A line that stderr does not take
  // at once is left out and counted.
  std::function<void(int level, std::string_view text)> on_log = {};
  // Default: kOwnThread.
  std::optional<Callbacks> callbacks = {};
  // The start method of pools that name none. kFork can only be said here (or in the manifest): the engine copies this
  // process when it is made, which must have one thread then (UsageError).
  std::optional<StartMethod> start_method = {};
  // Receives the lines of workers, of all levels, instead of the log. Called as on_log is.
  std::function<void(const WorkerLine&)> on_worker_line = {};
  // Whether what workers write to stdout and stderr is read line by line (as log() always is), and so ends up in the
  // log. Default: what [log] of the manifest says, or true. false: both are the host's stderr, as for a debugger or a
  // program that writes to a terminal. Workers that are threads write where the host does.
  std::optional<bool> capture_output = {};
};

// Arguments of a pool's initializer: bulkhead::args(1, "x").
class InitArgs {
 public:
  // Writes them as the task's types to `bytes`. Throws SignatureMismatch or ArgumentError.
  using Encode = std::function<void(const detail::TaskInfo& task, std::vector<std::byte>& bytes)>;

  InitArgs() = default;
  // For args().
  explicit InitArgs(Encode encode) : encode_(std::move(encode)) {}
  // For the engine.
  [[nodiscard]] const Encode& encode() const noexcept { return encode_; }

 private:
  Encode encode_;
};

// What a submission does when the queue is full.
//
//   auto pool = engine.pool({.max_pending = 1000, .when_full = bulkhead::WhenFull::kFail});
//   try {
//     for (int i = 0; i < 1'000'000; ++i) (void)pool.apply_async<std::int64_t>("math.square", i);
//   } catch (const bulkhead::QueueFull& full) {
//     std::cerr << full.what() << "\n";
//   }
enum class WhenFull : std::uint8_t {
  kBlock,  // waits for room, at most PoolOptions::submit_timeout, then throws QueueFull
  kFail,   // throws QueueFull at once
};

// Workers and their lives, what they load and run first, how much may wait.
//
//   auto pool = engine.pool({.processes = 4,
//                            .initializer = "db.connect",
//                            .initargs = bulkhead::args("localhost", 5432),
//                            .max_tasks_per_child = 1000,
//                            .plugins = {{"db", "math"}}});
//   auto modest = engine.pool({.max_tasks_per_child = 1000, .max_tasks_jitter = 100, .max_rss = 512u << 20});
//   auto bounded = engine.pool({.max_pending = 10'000, .max_pending_bytes = 64u << 20, .submit_timeout = 10s});
//   auto resting = engine.pool({.processes = 8, .kill_grace = 500ms, .idle_timeout = 1min, .min_processes = 2});
struct PoolOptions {
  // Workers. Default: usable_cpu_count(). Zero or less is a UsageError.
  std::optional<int> processes = {};
  // A task that each worker runs once before any other, with `initargs`; its result is discarded. Should it fail in
  // every new worker, the pool is broken (PoolBroken, with the first cause). Throws TaskNotFound, SignatureMismatch,
  // ArgumentError, and UsageError for `initargs` without it.
  std::optional<std::string> initializer = {};
  // The arguments of `initializer`: bulkhead::args(...).
  InitArgs initargs = {};
  // A worker that has begun so many tasks is replaced by a fresh one. Default: never. Zero or less is a UsageError.
  std::optional<int> max_tasks_per_child = {};
  // How its workers come to be. Default: EngineOptions::start_method.
  std::optional<StartMethod> start_method = {};
  // Only these plugins, by name, are loaded into the workers. Default: all of the engine's.
  std::optional<std::vector<std::string>> plugins = {};
  // How long a worker may take to load its plugins, run their initialisers and the pool's. Default: 8 s. Where no
  // worker was ever ready, the first that takes longer ends the attempts (PoolBroken, or PluginError for the plugin's
  // tasks), so that an initializer that hangs is told within 10 s.
  std::optional<TimeLimit> init_timeout = {};
  // Bytes of each of a worker's two rings, a power of two from 64 KiB. Default: 512 KiB. Payloads above a quarter travel in
  // blocks of their own.
  std::optional<std::uint32_t> ring_bytes = {};
  // Each worker's max_tasks_per_child is larger by a random number up to this, so that not all are replaced at once.
  std::optional<int> max_tasks_jitter = {};
  // A worker whose anonymous memory (bytes; what it allocated, not what it maps) grows beyond this is replaced once its
  // task has ended; a task that goes on is killed, and gets WorkerLost. Sampled ten times a second, twice before a kill.
  std::optional<std::uint64_t> max_rss = {};
  // How many tasks, and bytes of arguments, may wait in the host for a worker; what is already in a worker's ring does
  // not count, but may come back from there, so that more wait for a moment. Default: no limit. Then what `when_full`
  // says.
  std::optional<int> max_pending = {};
  // The same in bytes of arguments.
  std::optional<std::uint64_t> max_pending_bytes = {};
  // Default: WhenFull::kBlock.
  std::optional<WhenFull> when_full = {};
  // How long WhenFull::kBlock waits for room. Default: for ever.
  std::optional<TimeLimit> submit_timeout = {};
  // Between the SIGTERM and the SIGKILL of a worker whose task passed its limit or was cancelled by force. Default: 2 s.
  std::optional<TimeLimit> kill_grace = {};
  // Workers that had nothing to do for so long leave, until `min_processes` are left (default 1), and come back when
  // there is work. Default: they stay.
  std::optional<TimeLimit> idle_timeout = {};
  // How many workers `idle_timeout` leaves.
  std::optional<int> min_processes = {};
  // A folder (made when it is missing) where the input of every attempt that killed its worker, or was killed for a limit
  // or for memory, is kept for `bulkhead replay`: the arguments' bytes (up to 64 MiB), which build of the plugin, its
  // configuration, how it died. For its owner only (mode 0600). Of more than `max_dead_letters` (default 100) the oldest
  // are removed. Default: none is kept. Workers that are threads keep none.
  std::optional<std::string> dead_letters = {};
  // How many dead letters are kept.
  std::optional<int> max_dead_letters = {};
  // From the first worker that is replaced or added, workers are forked from a process that has loaded the pool's plugins,
  // so that they need not load them (with kForkserver; multiprocessing's set_forkserver_preload()). Constructors of global
  // objects then run once for all of them: what they draw at random or open is the same in each. A plugin that starts
  // threads while it is loaded is loaded by each worker itself; initialisers always run in each worker. Default: true.
  std::optional<bool> preload = {};
  // With Hygiene::kStrict each task finds the process as the worker had it when it was ready: signal mask, handlers and
  // pending alarms, file mode mask, working directory, rounding mode and the rest of the floating point environment,
  // locale, resource limits, environment, nice value. (Not memory, open descriptors, threads.) It costs each task some 25 µs
  // of its worker, and items of a map travel alone. A worker in which something cannot be put back, as a hard limit that
  // was lowered, leaves after the task, and a fresh one takes its place. Not with StartMethod::kThread, whose process is
  // the host's own (UsageError). Default: Hygiene::kNone.
  std::optional<Hygiene> hygiene = {};
  // A task of which so many calls lost their worker (WorkerLost), with no result of it in between, is quarantined: those that
  // wait and those that come get PluginError with Reason::kQuarantined and the first cause, at once, until Pool::revive().
  // The pool's other tasks go on. A call counts once, after its retries, and each item of a map is one; a worker that was
  // killed on purpose (for a limit, a cancel, max_rss) or lost with the warden does not count. Default: never. Zero or less
  // is a UsageError.
  std::optional<int> quarantine_after = {};
};

// The CPUs this process may use: its affinity mask and its cgroup's quota, rounded up; at least 1.
//
//   auto pool = engine.pool({.processes = 2 * bulkhead::usable_cpu_count()});
[[nodiscard]] int usable_cpu_count();

// How far a running task is, as it said by TaskContext::progress().
//
//   auto result = pool.apply_async<void>("img.convert", {.on_progress = [](const bulkhead::Progress& progress) {
//     std::cerr << progress.note << ": " << progress.done << " of " << progress.total << "\n";
//   }});
struct Progress {
  std::uint64_t index = 0;  // of the item within its map; 0 for a single call
  std::uint64_t done = 0;   // so much of `total`
  std::uint64_t total = 0;  // 0: unknown
  std::string note;         // what the task is at; may be empty
};

namespace detail {
template <class R>
struct ResultCallback {
  using type = std::function<void(const R&)>;
};
template <>
struct ResultCallback<void> {
  using type = std::function<void()>;
};
using ErrorCallback = std::function<void(const Error&)>;
using ProgressCallback = std::function<void(const Progress&)>;
}  // namespace detail

// Options of one call whose result is an R.
//
//   auto root = pool.apply_async<double>("math.sqrt", {.timeout = 5s, .retries = 2, .priority = 7}, 2);
//   auto soon = pool.apply_async<double>("math.sqrt", {.deadline = std::chrono::steady_clock::now() + 1s}, 2);
//   auto told = pool.apply_async<double>(
//       "math.sqrt", {.on_result = [](const double& x) { std::cout << x << "\n"; },
//                     .on_error = [](const bulkhead::Error& error) { std::cerr << error.what() << "\n"; }}, 2);
//
// A limit that is not set is the manifest's, else the plugin's, else none; [limits] of the manifest cap them all.
// Exactly one of on_result and on_error is called, once, on the engine's callback thread, before wait() on this result
// returns (multiprocessing's order). What they throw is logged and goes no further. They may use the pool, but must
// not wait for the very result they were called for.
template <class R>
struct CallOptions {
  // How long one attempt may run in a worker. Then its process is killed (SIGTERM, after PoolOptions::kill_grace SIGKILL)
  // and the verdict is TaskTimeout. Zero or less is a UsageError.
  std::optional<TimeLimit> timeout = {};
  // How long it may run before TaskContext::check() throws in it; the verdict is TaskTimeout if it then stops.
  std::optional<TimeLimit> soft_timeout = {};
  // When its result is of no use any more, whether it runs or still waits: the verdict is TaskTimeout.
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
  // How many more attempts a task gets that failed, lost its worker or passed its timeout, after a pause of 10 ms that
  // doubles each time. Setting it says that running the task again is harmless; a plugin's own `retries` count only
  // for tasks it declares idempotent.
  std::optional<int> retries = {};
  // 0 to 7, larger first; default 3. Lower ones still get a turn now and then.
  std::optional<int> priority = {};
  // Called with the result.
  typename detail::ResultCallback<R>::type on_result = {};
  // Called with the error.
  detail::ErrorCallback on_error = {};
  // When the task told its progress, at most 100 times a second. A slow one gets the latest: what it has not come to yet
  // is replaced, so that no more than one waits for each item. Never after on_result or on_error.
  detail::ProgressCallback on_progress = {};
};

// What map() makes of R: a vector, or nothing.
template <class R>
struct MapOf {
  // What map() returns.
  using type = std::vector<R>;
};
// Of a task without a result.
template <>
struct MapOf<void> {
  // Nothing.
  using type = void;
};
// The same, shorter.
template <class R>
using map_result_t = typename MapOf<R>::type;

// Options of map and its family; those of CallOptions are each item's. on_result gets the whole vector, once; on_error
// the first error.
//
//   const std::vector<double> xs{1, 4, 9};
//   const auto roots = pool.map<double>("math.sqrt", xs, {.chunk_size = 256});
//   const auto sure = pool.map<double>("math.sqrt", xs, {.soft_timeout = 1s, .retries = 2});
template <class R>
struct MapOptions {
  // Items that travel together. Default: multiprocessing's, a quarter of an even share for each worker (imap: 1), but of
  // items that all have one size no more than 64 KiB.
  // A chunk is transport only: each item has a verdict of its own. Items with retries or a timeout travel alone,
  // and so do all in a pool with Hygiene::kStrict. Zero or less is a UsageError.
  std::optional<int> chunk_size = {};
  // As in CallOptions, for each item.
  std::optional<TimeLimit> timeout = {};
  // As in CallOptions, for each item.
  std::optional<TimeLimit> soft_timeout = {};
  // As in CallOptions: the same moment for all items.
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
  // As in CallOptions, for each item.
  std::optional<int> retries = {};
  // As in CallOptions, for each item.
  std::optional<int> priority = {};
  // Called with all results, when the last item has its verdict.
  typename detail::ResultCallback<map_result_t<R>>::type on_result = {};
  // Called instead of it, with the first error by index.
  detail::ErrorCallback on_error = {};
  // As in CallOptions; Progress::index tells whose it is.
  detail::ProgressCallback on_progress = {};
};

// How a cancel() goes about it.
//
//   auto result = pool.apply_async<double>("math.sqrt", 2);
//   const auto outcome = result.cancel(bulkhead::CancelMode::kForce, 500ms);
//   std::cout << bulkhead::name_of(outcome) << "\n";
enum class CancelMode : std::uint8_t {
  kCooperative,  // what has not started never will; what runs sees TaskContext::cancelled() and may stop
  kForce,        // and what has not stopped after the grace is killed with its process
};

// What became of a task that was cancelled.
enum class CancelOutcome : std::uint8_t {
  kNeverRan,              // it was taken back before any worker began it; its verdict is TaskCancelled
  kStoppedCooperatively,  // it saw the wish and stopped; TaskCancelled
  kKilled,                // its process was killed; TaskCancelled
  kFinishedFirst,         // it already has another verdict
  kStillRunning,          // it was told, and has not stopped within the grace
};

// "kNeverRan" is "never ran", and so on.
[[nodiscard]] std::string_view name_of(CancelOutcome outcome) noexcept;

}  // namespace bulkhead
