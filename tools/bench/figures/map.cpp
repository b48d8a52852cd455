// A map over integers.
#include <numeric>
#include <stdexcept>

#include "clocks.hpp"
#include "contest.hpp"
#include "figures/figures.hpp"
#include "peers/bulkhead_pool.hpp"
#include "peers/python.hpp"

namespace bulkhead::bench {

namespace {

constexpr std::int64_t kPythonItems = 200'000;

Slice time_map(BulkheadPool& ours, const std::vector<std::int64_t>& items) {
  const CpuClock cpu(ours.processes());
  const double cpu_before = cpu.read_us();
  const auto begin = Clock::now();
  const auto results = ours.pool().map<std::int64_t>("bench.square", items);
  const double took = seconds(Clock::now() - begin);
  Slice slice;
  slice.cpu_us = (cpu.read_us() - cpu_before) / static_cast<double>(items.size());
  slice.value = static_cast<double>(items.size()) / took / 1e6;
  const auto sum =
      std::accumulate(results.begin(), results.end(), std::uint64_t{0},
                      [](std::uint64_t sofar, std::int64_t x) { return sofar + static_cast<std::uint64_t>(x); });
  if (sum != sum_of_squares(static_cast<std::int64_t>(items.size()))) throw std::runtime_error("a wrong sum");
  return slice;
}

void run_map(const Settings& settings, Findings& findings) {
  const auto python = PythonPools::start();
  BulkheadPool ours(2);
  std::vector<std::int64_t> items(settings.is_quick ? 2'000'000 : 8'000'000);
  std::iota(items.begin(), items.end(), 0);
  (void)time_map(ours, items);
  std::vector<Side> sides{{"bulkhead, 2 workers", [&] { return time_map(ours, items); }}};
  const auto items_of_python = std::to_string(kPythonItems);
  add_python_sides(
      sides, python.get(), [&](const std::string& pool) { return "map " + pool + " " + items_of_python; }, 1e6);
  const auto standings = hold_contest(sides, settings.rounds);
  Figure& figure = findings.at("map.integers");
  put_standings(figure, standings, Better::kHigher);
  figure.parameters = {{"workers", "2"}, {"items", std::to_string(items.size())}, {"chunks", "automatic"}};
  Figure& ratio = findings.at("map.vs_multiprocessing");
  if (python) {
    ratio.value = figure.rivals.at(0).ratio;
  } else {
    ratio.missing = "there is no python3";
  }
}

}  // namespace

Experiment map_of_integers() {
  return {{{"map.integers", "million/s", "items of a map of int64 to int64, automatic chunks", at_least(300)},
           {"map.vs_multiprocessing", "x", "the same, beside multiprocessing's map over a range", at_least(100)}},
          run_map};
}

}  // namespace bulkhead::bench
