// How long it takes until somebody works: an engine, a worker, a replacement.
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

#include "clocks.hpp"
#include "contest.hpp"
#include "figures/figures.hpp"
#include "peers/bulkhead_pool.hpp"

namespace bulkhead::bench {

namespace {

double milliseconds_since(Clock::time_point begin) { return microseconds(Clock::now() - begin) / 1000; }

// Looks every few microseconds; sleeps in between, since what it waits for needs the processor.
template <class Condition>
void wait_for(const char* what, const Condition& condition) {
  const auto give_up = Clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (Clock::now() > give_up) throw std::runtime_error(std::string(what) + " took longer than 10 s");
    std::this_thread::sleep_for(std::chrono::microseconds(10));
  }
}

Slice slice_of(double milliseconds) {
  Slice slice;
  slice.value = slice.mean = milliseconds;
  slice.samples.add(milliseconds);
  return slice;
}

Slice start_engine() {
  const auto begin = Clock::now();
  auto engine = make_engine();
  auto pool = engine.pool({.processes = 2});
  if (pool.apply<std::int64_t>("bench.square", 5) != 25) throw std::runtime_error("a wrong result");
  return slice_of(milliseconds_since(begin));
}

// A second worker, until it is ready. Then it goes again.
Slice start_worker(Pool& pool) {
  const auto begin = Clock::now();
  pool.resize(2);
  wait_until_ready(pool, 2);
  auto slice = slice_of(milliseconds_since(begin));
  pool.resize(1);
  wait_for("a worker's leave", [&] { return worker_pids(pool).size() == 1; });
  return slice;
}

Slice start_copy_of_us() {
  const auto begin = Clock::now();
  {
    auto child = Child::fork_and_run([] {});
    (void)child.wait(std::chrono::seconds(10));
  }
  return slice_of(milliseconds_since(begin));
}

Slice start_small_program() {
  const auto begin = Clock::now();
  {
    auto child = Child::run_program({"true"}, 0, 1);
    (void)child.wait(std::chrono::seconds(10));
  }
  return slice_of(milliseconds_since(begin));
}

// Kills the only worker while it runs something, with others behind that: until these have their results.
Slice replace_worker(Pool& pool) {
  constexpr int kBehind = 50;
  const auto held = pool.apply_async<void>("bench.hold");
  std::vector<AsyncResult<std::int64_t>> behind;
  for (int i = 0; i < kBehind; ++i) behind.push_back(pool.apply_async<std::int64_t>("bench.square", i));
  wait_for("the task that is to be killed", [&] {
    const auto stats = pool.stats();
    return std::ranges::any_of(stats.workers,
                               [](const WorkerStats& worker) { return worker.running_task == "bench.hold"; });
  });
  const auto pids = worker_pids(pool);
  const auto begin = Clock::now();
  ::kill(pids.at(0), SIGKILL);
  for (const auto& result : behind) (void)result.get();
  auto slice = slice_of(milliseconds_since(begin));
  held.wait();
  if (held.successful()) throw std::runtime_error("a killed task has a result");
  return slice;
}

void put_times(Figure& figure, const std::vector<Standing>& standings) {
  put_standings(figure, standings, Better::kLower);
  figure.cpu_us.reset();
  for (auto& rival : figure.rivals) rival.cpu_us.reset();
  figure.parameters.emplace_back("times", std::to_string(standings[0].slices.size()));
}

void run_start(const Settings& settings, Findings& findings) {
  // Else the kernel makes every short sleep 50 us longer.
  ::prctl(PR_SET_TIMERSLACK, 1);
  const int rounds = settings.rounds * (settings.is_quick ? 4 : 8);
  findings.at("start.engine").parameters = {{"workers", "2"}};
  put_times(findings.at("start.engine"), hold_contest({{"bulkhead", start_engine}}, settings.rounds));
  auto engine = make_engine();
  auto pool = engine.pool({.processes = 1});
  wait_until_ready(pool, 1);
  // Behind a first result no start counts as failed.
  (void)pool.apply<std::int64_t>("bench.square", 1);
  put_times(findings.at("start.worker"), hold_contest({{"bulkhead", [&] { return start_worker(pool); }},
                                                       {"limit: fork, exit, wait", start_copy_of_us},
                                                       {"limit: fork, execve of true, wait", start_small_program}},
                                                      rounds));
  put_times(findings.at("start.replacement"),
            hold_contest({{"bulkhead", [&] { return replace_worker(pool); }}}, rounds));
}

}  // namespace

Experiment start() {
  return {
      {{"start.engine", "ms", "engine, pool of 2 workers and first result: median", at_most(25)},
       {"start.worker", "ms", "a fresh worker ready, its plugin loaded: median", at_most(1)},
       {"start.replacement", "ms", "a killed worker replaced, and the 50 calls behind it done: median", at_most(5)}},
      run_start};
}

}  // namespace bulkhead::bench
