#include "workload.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "bulkhead/engine.hpp"
#include "failing_allocations.hpp"

namespace bulkhead::test {

namespace {

using namespace std::chrono_literals;

// A verdict that takes this long is a hang.
constexpr auto kVerdictLimit = 40s;

std::string plugin_path(const char* name) {
  const char* const folder = std::getenv("BULKHEAD_TEST_PLUGINS");
  return std::string(folder == nullptr ? "." : folder) + "/" + name + ".so";
}

sigset_t blocked_signals() {
  sigset_t mask;
  std::memset(&mask, 0, sizeof mask);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return mask;
}

class Workload {
 public:
  explicit Workload(const WorkloadOptions& options) : options_(options) {}

  int run() {
    const sigset_t blocked = blocked_signals();
    step([&] {
      auto engine = Engine::from_plugins({plugin_path("echo"), plugin_path("misbehave")},
                                         {.worker_program = "/proc/self/exe", .on_log = [](int, std::string_view) {}});
      use(engine);
    });
    const OwnAllocations own;
    if (const sigset_t now = blocked_signals(); std::memcmp(&now, &blocked, sizeof now) != 0) {
      complain("this thread's signal mask is another");
    }
    // The engine is gone: whoever was to be told has been.
    for (const auto& entry : told_) {
      const int expected = entry.is_submitted ? 1 : 0;
      if (entry.times != expected) complain("%s was told %d times how it ended", entry.what, entry.times.load());
    }
    if (is_refused_) std::puts("refused");
    std::printf("unlike %d\n", unlike_);
    return is_broken_ ? 3 : 0;
  }

 private:
  struct Told {
    const char* what = nullptr;
    bool is_submitted = false;
    std::atomic<int> times = 0;
  };
  template <class R>
  struct Task {
    AsyncResult<R> result;
    R expected;
    const char* what;
  };

  // Without memory of its own: there may be none.
  template <class... Values>
  void complain(const char* format, Values... values) {
    is_broken_ = true;
    std::fputs("broken: ", stderr);
    std::fprintf(stderr, format, values...);
    std::fputs("\n", stderr);
  }
  void complain(const char* what) { complain("%s", what); }
  void refuse(const char* text) {
    is_refused_ = true;
    std::fprintf(stderr, "refused: %s\n", text);
    if (*text == '\0') complain("an error without a text");
  }

  // Part of the work: whatever becomes of it, the next comes.
  template <class Work>
  void step(Work work) {
    try {
      work();
    } catch (const Error& error) {
      refuse(error.what());
    } catch (const std::bad_alloc&) {
      refuse("std::bad_alloc");
    } catch (const std::exception& error) {
      complain("an exception that is no Error: %s", error.what());
    }
  }

  template <class Options>
  Options limited(Options options) const {
    if (options_.has_limits) options.deadline = std::chrono::steady_clock::now() + 5s;
    return options;
  }
  // Exactly one of the two callbacks is called, once.
  template <class R>
  CallOptions<R> told(const char* what) {
    const OwnAllocations own;
    Told* const entry = &told_.emplace_back();
    entry->what = what;
    CallOptions<R> options;
    options.on_result = [entry](const R&) { ++entry->times; };
    options.on_error = [entry](const Error&) { ++entry->times; };
    return limited(std::move(options));
  }

  // A call whose callbacks are counted.
  template <class R, class... Args>
  AsyncResult<R> submit(Pool& pool, const char* task, CallOptions<R> options, Args... args) {
    Told& entry = told_.back();
    auto result = pool.apply_async<R>(task, std::move(options), args...);
    entry.is_submitted = true;
    return result;
  }

  void use(Engine& engine) {
    step([&] { use_pool(engine); });
    step([&] { use_other_start_methods(engine); });
    // Whatever went wrong: the engine can be asked again.
    try {
      auto pool = engine.pool({.processes = 1, .init_timeout = 5s});
      (void)pool.apply<std::int64_t>("echo.add", limited(CallOptions<std::int64_t>()), 2, 3);
    } catch (const Error& error) {
      ++unlike_;
    } catch (const std::bad_alloc&) {
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
                             .dead_letters = std::string(options_.folder) + "/dead/letters/"});
    step([&] { use_numbers(pool); });
    step([&] { use_map(pool); });
    step([&] { use_large_payloads(pool); });
    step([&] { use_shared_arrays(pool); });
    step([&] { cancel(pool); });
    step([&] { crash(pool); });
    if (is_refused_) step([&] { pool.revive(); });
    // So that a worker is ready, and leaves when it is told to.
    step([&] {
      judge(Task<std::int64_t>{pool.apply_async<std::int64_t>("echo.add", limited(CallOptions<std::int64_t>()), 1, 1),
                               2, "the last task"});
    });
    pool.close();
    pool.join();
  }

  void use_numbers(Pool& pool) {
    std::vector<Task<std::int64_t>> numbers;
    numbers.reserve(20);
    for (std::int64_t i = 0; i < 20; ++i) {
      step([&] { numbers.push_back({submit(pool, "echo.add", told<std::int64_t>("echo.add"), i, 1), i + 1, "add"}); });
    }
    for (const auto& task : numbers) judge(task);
  }

  template <class R>
  void judge(const Task<R>& task) {
    for (const bool may_ask_again : {true, false}) {
      try {
        if (task.result.get(kVerdictLimit) != task.expected) complain("%s has a wrong result", task.what);
      } catch (const TimeoutError&) {
        complain("%s has no verdict", task.what);
      } catch (const Error& error) {
        ++unlike_;
        std::fprintf(stderr, "%s: %s\n", task.what, error.what());
      } catch (const std::bad_alloc&) {
        // The result was there, and no memory for it here.
        if (may_ask_again) continue;
        refuse("std::bad_alloc");
      }
      break;
    }
    if (!task.result.ready()) complain("%s is not ready after get()", task.what);
  }

  // More than the rings hold, in chunks.
  void use_map(Pool& pool) {
    std::vector<std::vector<std::byte>> items;
    for (int i = 0; i < 40; ++i) items.emplace_back(3000, static_cast<std::byte>(i));
    std::vector<int> verdicts(items.size());
    MapOptions<std::vector<std::byte>> options;
    options.chunk_size = kItemsPerChunk;
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
      if (count != 1) complain("an item of the map has %d verdicts", count);
    }
  }

  void use_large_payloads(Pool& pool) {
    using Bytes = std::vector<std::byte>;
    const Bytes sent(300'000, std::byte{42});
    std::vector<Task<Bytes>> tasks;
    for (int i = 0; i < 3; ++i) {
      step([&] {
        tasks.push_back({submit(pool, "echo.bytes", told<Bytes>("echo.bytes"), sent), sent, "large payload"});
      });
    }
    for (const auto& task : tasks) judge(task);
    // A result that grows in small steps outgrows its first block, which the worker is told to drop.
    using Lines = std::map<std::string, std::int64_t>;
    Lines lines;
    for (std::int64_t i = 0; i < 600; ++i) lines.emplace(std::string(1000, 'x') + std::to_string(i), i);
    judge(Task<Lines>{submit(pool, "echo.map_text_i64", told<Lines>("echo.map_text_i64"), lines), lines, "large map"});
  }

  // To read and to write; the second is gone by the time that the third is made, which its worker is told.
  void use_shared_arrays(Pool& pool) {
    const auto last_of = [&](const SharedArray<std::int64_t>& numbers, std::int64_t expected) {
      judge(Task<std::int64_t>{submit(pool, "echo.last_shared", told<std::int64_t>("echo.last_shared"), numbers),
                               expected, "shared array"});
    };
    try {
      SharedArray<std::int64_t> numbers(1000);
      numbers[999] = 5;
      step([&] { last_of(numbers, 5); });
      for (int i = 0; i < 2; ++i) {
        const SharedArray<std::int64_t> own(1000);
        step([&] { last_of(own, 0); });
      }
    } catch (const std::system_error& error) {  // there was none to be had
      refuse(error.what());
    }
  }

  void cancel(Pool& pool) {
    std::vector<AsyncResult<std::int64_t>> results;
    results.reserve(6);
    for (int i = 0; i < 6; ++i) {
      step([&] {
        auto options = told<std::int64_t>("a cancelled task");
        options.timeout = 10s;
        results.push_back(submit(pool, "misbehave.sleep_ms", std::move(options), 2 + 10'000 * (i == 0)));
      });
    }
    if (results.empty()) return;
    // One that may wait and is taken back, and one that runs and is killed; those behind it run, or are taken back too.
    step([&] { wait_until_running(pool, "misbehave.sleep_ms"); });
    step([&] { (void)results.back().cancel(); });
    step([&] { (void)results.front().cancel(CancelMode::kForce, 10ms); });
    for (const auto& result : results) {
      try {
        (void)result.get(kVerdictLimit);
      } catch (const std::bad_alloc&) {
        refuse("std::bad_alloc");
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

int run_workload(const WorkloadOptions& options) {
  std::optional<Workload> workload;
  {
    const OwnAllocations own;
    workload.emplace(options);
  }
  const int status = workload->run();
  forget_allocations();
  return status;
}

}  // namespace bulkhead::test
