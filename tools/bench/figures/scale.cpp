// What a call costs while something else grows: it should stay the same.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <thread>

#include "clocks.hpp"
#include "figures/figures.hpp"
#include "peers/bulkhead_pool.hpp"

namespace bulkhead::bench {

namespace {

// Flat means: at most twice as much at the far end as where it begins.
constexpr double kFlat = 2;

// Microseconds per call: the median of several runs.
template <class Run>
double cost_per_call(const Settings& settings, std::int64_t calls, const Run& run) {
  std::vector<double> costs;
  for (int i = 0; i < std::max(3, settings.rounds / 2); ++i) {
    const auto begin = Clock::now();
    run();
    costs.push_back(microseconds(Clock::now() - begin) / static_cast<double>(calls));
  }
  return median_of(std::move(costs));
}

void put_growth(Figure& figure, const char* x_axis, Curve curve, double from) {
  figure.y_axis = "us per call";
  const auto first = std::ranges::find_if(curve.points, [&](const auto& point) { return point.first >= from; });
  figure.value = curve.points.back().second / first->second;
  figure.x_axis = x_axis;
  figure.curves = {std::move(curve)};
}

void run_queue_lengths(const Settings& settings, Findings& findings) {
  constexpr std::int64_t kLeastCalls = 20'000;
  BulkheadPool ours(1);
  (void)ours.call_ahead(1000);
  Curve curve{"bulkhead", {}};
  for (std::int64_t length = 1; length <= 1'000'000; length *= 10) {
    const auto times = std::max<std::int64_t>(1, kLeastCalls / length);
    curve.points.emplace_back(static_cast<double>(length), cost_per_call(settings, times * length, [&] {
                                for (std::int64_t i = 0; i < times; ++i) (void)ours.call_ahead(length);
                              }));
  }
  Figure& figure = findings.at("scale.queue");
  figure.parameters = {{"workers", "1"}};
  // Below a thousand, waiting for the last result counts.
  put_growth(figure, "calls in the queue", std::move(curve), 1000);
}

// Starts so many workers, has them run calls, and stops them.
struct Crew {
  double start_ms = 0;
  double us_per_call = 0;
  double stop_ms = 0;
};

// Without calls: how long they take to come and go.
double come_and_go_ms(Engine& engine, int workers) {
  const auto begin = Clock::now();
  {
    auto pool = engine.pool({.processes = workers});
    wait_until_ready(pool, static_cast<std::size_t>(workers));
    pool.close();
    pool.join();
  }
  return microseconds(Clock::now() - begin) / 1000;
}

Crew employ(Engine& engine, int workers, const Settings& settings) {
  constexpr std::int64_t kCalls = 20'000;
  Crew crew;
  auto begin = Clock::now();
  auto pool = engine.pool({.processes = workers});
  wait_until_ready(pool, static_cast<std::size_t>(workers));
  crew.start_ms = microseconds(Clock::now() - begin) / 1000;
  crew.us_per_call = cost_per_call(settings, kCalls, [&] {
    std::vector<AsyncResult<std::int64_t>> results;
    results.reserve(kCalls);
    for (std::int64_t i = 0; i < kCalls; ++i) results.push_back(pool.apply_async<std::int64_t>("bench.square", i));
    for (const auto& result : results) (void)result.get();
  });
  begin = Clock::now();
  pool.close();
  pool.join();
  crew.stop_ms = microseconds(Clock::now() - begin) / 1000;
  return crew;
}

void run_workers(const Settings& settings, Findings& findings) {
  auto engine = make_engine();
  Curve cost{"bulkhead", {}};
  Curve start{"to start", {}};
  Curve stop{"to stop", {}};
  Crew last;
  for (int workers = 1; workers <= 256; workers *= 2) {
    last = employ(engine, workers, settings);
    cost.points.emplace_back(workers, last.us_per_call);
    start.points.emplace_back(workers, last.start_ms / workers);
    stop.points.emplace_back(workers, last.stop_ms / workers);
  }
  const auto at_16 = start.points.at(4).second;
  Figure& start_figure = findings.at("scale.workers_start");
  start_figure.value = start.points.back().second / at_16;
  start_figure.x_axis = "workers";
  start_figure.y_axis = "ms per worker";
  start_figure.curves = {start, stop};
  findings.at("scale.256_workers").value = last.start_ms + last.stop_ms;
  findings.at("scale.1000_workers").value = come_and_go_ms(engine, 1000);
  Figure& figure = findings.at("scale.workers");
  put_growth(figure, "workers", std::move(cost), 2);
}

void run_registered(const Settings& settings, Findings& findings) {
  constexpr std::int64_t kCalls = 50'000;
  Curve by_name{"by name", {}};
  Curve by_handle{"by handle", {}};
  for (int digits = 0; digits <= 4; ++digits) {
    const auto plugin = "many" + std::to_string(digits);
    auto engine = make_engine({plugin_folder() / (plugin + ".so")});
    auto pool = engine.pool({.processes = 1});
    const auto task = plugin + ".t" + std::string(static_cast<std::size_t>(digits), '7');
    const auto add_one = pool.task<std::int64_t(std::int64_t)>(task);
    if (add_one(1) != 2) throw std::runtime_error("a wrong result");
    const auto tasks = std::pow(10, digits);
    const auto run = [&](const auto& submit) {
      return cost_per_call(settings, kCalls, [&] {
        std::vector<AsyncResult<std::int64_t>> results;
        results.reserve(kCalls);
        for (std::int64_t i = 0; i < kCalls; ++i) results.push_back(submit(i));
        for (const auto& result : results) (void)result.get();
      });
    };
    by_name.points.emplace_back(tasks, run([&](std::int64_t i) { return pool.apply_async<std::int64_t>(task, i); }));
    by_handle.points.emplace_back(tasks, run([&](std::int64_t i) { return add_one.async(i); }));
  }
  Figure& figure = findings.at("scale.registered");
  figure.parameters = {{"workers", "1"}};
  put_growth(figure, "registered tasks", by_name, 1);
  figure.curves.push_back(by_handle);
}

void run_ever(const Settings& settings, Findings& findings) {
  const std::int64_t most = settings.is_quick ? 1'000'000 : 10'000'000;
  const std::int64_t step = most / 20;
  BulkheadPool ours(1);
  Curve curve{"bulkhead", {}};
  for (std::int64_t done = 0; done < most; done += step) {
    const auto begin = Clock::now();
    (void)ours.call_ahead(step);
    curve.points.emplace_back(static_cast<double>(done + step),
                              microseconds(Clock::now() - begin) / static_cast<double>(step));
  }
  // One step may be unlucky: the last five beside the first five.
  const auto median_from = [&](std::size_t first) {
    std::vector<double> costs;
    for (std::size_t i = first; i < first + 5; ++i) costs.push_back(curve.points[i].second);
    return median_of(std::move(costs));
  };
  Figure& figure = findings.at("scale.ever_run");
  figure.value = median_from(15) / median_from(0);
  figure.parameters = {{"workers", "1"}, {"calls", std::to_string(most)}};
  figure.x_axis = "calls ever made";
  figure.y_axis = "us per call";
  figure.curves = {curve};
}

void run_submitters(const Settings& settings, Findings& findings) {
  constexpr std::int64_t kCalls = 64'000;
  constexpr std::int64_t kWindow = 500;
  BulkheadPool ours(1);
  Curve curve{"all threads together", {}};
  for (int threads = 1; threads <= 16; threads *= 2) {
    const auto cost = cost_per_call(settings, kCalls, [&] {
      std::vector<std::jthread> submitters;
      for (int t = 0; t < threads; ++t) {
        submitters.emplace_back([&] {
          for (std::int64_t done = 0; done < kCalls / threads; done += kWindow) (void)ours.call_ahead(kWindow);
        });
      }
    });
    curve.points.emplace_back(threads, cost);
  }
  Figure& figure = findings.at("scale.submitters");
  figure.parameters = {{"workers", "1"}};
  put_growth(figure, "threads that submit", std::move(curve), 1);
}

}  // namespace

Experiment scale_of_queue() {
  return {{{"scale.queue", "times",
            "cost of a call in a queue of a million, beside one of a thousand (flat: at most 2)", at_most(kFlat)}},
          run_queue_lengths};
}

Experiment scale_of_workers() {
  return {{{"scale.256_workers", "ms", "256 workers start and stop"},
           {"scale.1000_workers", "ms", "1000 workers start and stop"},
           {"scale.workers_start", "times",
            "time to start one of 256 workers, beside one of 16 (not quadratic: at most 2)", at_most(kFlat)},
           {"scale.workers", "times", "cost of a call with 256 workers, beside 2 (flat: at most 2)", at_most(kFlat)}},
          run_workers};
}

Experiment scale_of_registered() {
  return {{{"scale.registered", "times",
            "cost of a call by name with 10000 registered tasks, beside 1 (flat: at most 2)", at_most(kFlat)}},
          run_registered};
}

Experiment scale_of_ever_run() {
  return {{{"scale.ever_run", "times", "cost of a call after so many calls, beside the first (flat: at most 2)",
            at_most(kFlat)}},
          run_ever};
}

Experiment scale_of_submitters() {
  return {{{"scale.submitters", "times", "cost of a call with 16 submitting threads, beside 1 (flat: at most 2)",
            at_most(kFlat)}},
          run_submitters};
}

}  // namespace bulkhead::bench
