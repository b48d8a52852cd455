#include "workload.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bulkhead/engine.hpp"

namespace bulkhead::test {

namespace {

using namespace std::chrono_literals;

// A verdict that takes this long is a hang.
constexpr auto kVerdictLimit = 40s;

std::string plugin_path(const char* name) {
  const char* const folder = std::getenv("BULKHEAD_TEST_PLUGINS");
  return std::string(folder == nullptr ? "." : folder) + "/" + name + ".so";
}

class Workload {
 public:
  explicit Workload(const WorkloadOptions& options) : options_(options) {}

  int run() {
    try {
      auto engine = Engine::from_plugins({plugin_path("echo"), plugin_path("misbehave")},
                                         {.worker_program = "/proc/self/exe", .on_log = [](int, std::string_view) {}});
      use(engine);
    } catch (const Error& error) {
      refuse(error);
    } catch (const std::exception& error) {
      complain(std::string("an exception that is no Error: ") + error.what());
    }
    if (is_refused_) std::puts("refused");
    std::printf("unlike %d\n", unlike_);
    return is_broken_ ? 3 : 0;
  }

 private:
  struct Told {
    std::string what;
    std::atomic<int> times = 0;
  };
  template <class R>
  struct Task {
    AsyncResult<R> result;
    R expected;
    const char* what;
  };

  void complain(const std::string& what) {
    is_broken_ = true;
    std::fprintf(stderr, "broken: %s\n", what.c_str());
  }
  void refuse(const Error& error) {
    is_refused_ = true;
    std::fprintf(stderr, "refused: %s\n", error.what());
    if (std::string_view(error.what()).empty()) complain("an error without a text");
  }

  template <class Options>
  Options limited(Options options) const {
    if (options_.has_limits) options.deadline = std::chrono::steady_clock::now() + 5s;
    return options;
  }
  // Exactly one of the two callbacks is called, once.
  template <class R>
  CallOptions<R> told(const char* what) {
    Told* const entry = &told_.emplace_back();
    entry->what = what;
    CallOptions<R> options;
    options.on_result = [entry](const R&) { ++entry->times; };
    options.on_error = [entry](const Error&) { ++entry->times; };
    return limited(std::move(options));
  }

  void use(Engine& engine) {
    try {
      use_pool(engine);
      use_other_start_methods(engine);
    } catch (const Error& error) {
      refuse(error);
    }
    // Whatever went wrong: the engine can be asked again.
    try {
      auto pool = engine.pool({.processes = 1, .init_timeout = 5s});
      (void)pool.apply<std::int64_t>("echo.add", limited(CallOptions<std::int64_t>()), 2, 3);
    } catch (const Error& error) {
      ++unlike_;
    }
  }

  void use_pool(Engine& engine) {
    auto pool = engine.pool({.processes = 2,
                             .initializer = "echo.add",
                             .initargs = args(1, 2),
                             .init_timeout = 3s,
                             .ring_bytes = 1u << 16,
                             .kill_grace = 200ms,
                             .dead_letters = options_.folder + "/letters"});
    std::vector<Task<std::int64_t>> numbers;
    for (std::int64_t i = 0; i < 20; ++i) {
      try {
        numbers.push_back(
            {pool.apply_async<std::int64_t>("echo.add", told<std::int64_t>("echo.add"), i, 1), i + 1, "add"});
      } catch (const Error& error) {
        told_.back().times = 1;  // nothing was submitted, and nothing will be told
        refuse(error);
      }
    }
    for (const auto& task : numbers) judge(task);
    use_map(pool);
    use_large_payloads(pool);
    cancel(pool);
    crash(pool);
    // So that a worker is ready, and leaves when it is told to.
    judge(Task<std::int64_t>{pool.apply_async<std::int64_t>("echo.add", limited(CallOptions<std::int64_t>()), 1, 1), 2,
                             "the last task"});
    pool.close();
    pool.join();
    for (const auto& entry : told_) {
      if (entry.times != 1) complain(entry.what + " was told " + std::to_string(entry.times) + " times how it ended");
    }
  }

  template <class R>
  void judge(const Task<R>& task) {
    try {
      if (task.result.get(kVerdictLimit) != task.expected) complain(std::string(task.what) + " has a wrong result");
    } catch (const TimeoutError&) {
      complain(std::string(task.what) + " has no verdict");
    } catch (const Error& error) {
      ++unlike_;
      std::fprintf(stderr, "%s: %s\n", task.what, error.what());
    }
    if (!task.result.ready()) complain(std::string(task.what) + " is not ready after get()");
  }

  // More than the rings hold, in chunks.
  void use_map(Pool& pool) {
    std::vector<std::vector<std::byte>> items;
    for (int i = 0; i < 40; ++i) items.emplace_back(3000, static_cast<std::byte>(i));
    std::vector<int> verdicts(items.size());
    MapOptions<std::vector<std::byte>> options;
    options.chunk_size = 4;
    auto results = pool.imap<std::vector<std::byte>>("echo.bytes", items, limited(std::move(options)));
    for (const auto& outcome : results.outcomes()) {
      const auto index = outcome.index();
      if (index >= items.size()) return complain("a result of no item");
      ++verdicts[index];
      if (!outcome) {
        ++unlike_;
      } else if (outcome.value() != items[index]) {
        complain("an item of the map has a wrong result");
      }
    }
    for (const int count : verdicts) {
      if (count != 1) complain("an item of the map has " + std::to_string(count) + " verdicts");
    }
  }

  void use_large_payloads(Pool& pool) {
    using Bytes = std::vector<std::byte>;
    const Bytes sent(300'000, std::byte{42});
    std::vector<Task<Bytes>> tasks;
    for (int i = 0; i < 3; ++i) {
      tasks.push_back({pool.apply_async<Bytes>("echo.bytes", told<Bytes>("echo.bytes"), sent), sent, "large payload"});
    }
    for (const auto& task : tasks) judge(task);
    // A result that grows in small steps outgrows its first block, which the worker is told to drop.
    using Lines = std::vector<std::string>;
    const Lines lines(600, std::string(1000, 'x'));
    judge(Task<Lines>{pool.apply_async<Lines>("echo.list_text", told<Lines>("echo.list_text"), lines), lines,
                      "large list"});
  }

  void cancel(Pool& pool) {
    std::vector<AsyncResult<std::int64_t>> results;
    for (int i = 0; i < 6; ++i) {
      auto options = told<std::int64_t>("a cancelled task");
      options.timeout = 10s;
      results.push_back(pool.apply_async<std::int64_t>("misbehave.sleep_ms", options, 2 + 10'000 * (i == 0)));
    }
    // One that may wait and is taken back, and one that runs and is killed; those behind it run, or are taken back too.
    wait_until_running(pool, "misbehave.sleep_ms");
    (void)results[5].cancel();
    (void)results[0].cancel(CancelMode::kForce, 10ms);
    for (const auto& result : results) {
      try {
        (void)result.get(kVerdictLimit);
      } catch (const TimeoutError&) {
        complain("a cancelled task has no verdict");
      } catch (const TaskCancelled&) {
      } catch (const Error&) {
        ++unlike_;
      }
    }
  }

  // Bounded: after a fault it may never come to that.
  static void wait_until_running(const Pool& pool, std::string_view task) {
    const auto end = std::chrono::steady_clock::now() + 1s;
    const auto is_running = [&] {
      const auto workers = pool.stats().workers;
      return std::ranges::any_of(workers, [&](const auto& worker) { return worker.running_task == task; });
    };
    while (!is_running() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
  }

  void crash(Pool& pool) {
    const auto result = pool.apply_async<void>("misbehave.segv", limited(CallOptions<void>()));
    try {
      result.get(kVerdictLimit);
      complain("a task that crashes has a result");
    } catch (const TimeoutError&) {
      complain("a task that crashes has no verdict");
    } catch (const Error&) {
    }
  }

  void use_other_start_methods(Engine& engine) {
    for (const StartMethod method : {StartMethod::kSpawn, StartMethod::kThread}) {
      auto pool = engine.pool({.processes = 1, .start_method = method, .init_timeout = 3s});
      judge(Task<std::int64_t>{pool.apply_async<std::int64_t>("echo.add", limited(CallOptions<std::int64_t>()), 2, 3),
                               5, "another pool"});
    }
  }

  const WorkloadOptions& options_;
  std::deque<Told> told_;
  int unlike_ = 0;
  bool is_refused_ = false;
  bool is_broken_ = false;
};

}  // namespace

int run_workload(const WorkloadOptions& options) { return Workload(options).run(); }

}  // namespace bulkhead::test
