#include "peers/bulkhead_pool.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <thread>

namespace bulkhead::bench {

namespace {
constexpr int kErrorLevel = 4;  // spdlog's
}

std::filesystem::path plugin_folder() { return BULKHEAD_BENCH_PLUGINS; }

Engine make_engine(std::vector<std::filesystem::path> more_plugins) {
  more_plugins.insert(more_plugins.begin(), plugin_folder() / "bench.so");
  EngineOptions options;
  options.on_log = [](int level, std::string_view text) {
    if (level >= kErrorLevel) std::fprintf(stderr, "bulkhead: %.*s\n", static_cast<int>(text.size()), text.data());
  };
  return Engine::from_plugins(more_plugins, std::move(options));
}

std::vector<pid_t> worker_pids(const Pool& pool) {
  std::vector<pid_t> pids;
  for (const auto& worker : pool.stats().workers) {
    if (worker.pid > 0) pids.push_back(static_cast<pid_t>(worker.pid));
  }
  return pids;
}

void wait_until_ready(const Pool& pool, std::size_t workers) {
  const auto patience = std::chrono::seconds(10) + workers * std::chrono::milliseconds(100);
  const auto give_up = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto stats = pool.stats();
    const auto ready = std::ranges::count_if(stats.workers, [](const WorkerStats& worker) { return worker.is_ready; });
    if (static_cast<std::size_t>(ready) >= workers) return;
    if (std::chrono::steady_clock::now() > give_up) throw std::runtime_error("the workers do not get ready");
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

BulkheadPool::BulkheadPool(int workers)
    : Peer("bulkhead, " + std::to_string(workers) + (workers == 1 ? " worker" : " workers")),
      engine_(make_engine()),
      pool_(engine_.pool({.processes = workers})) {
  wait_until_ready(pool_, static_cast<std::size_t>(workers));
}

std::uint64_t BulkheadPool::call_ahead(std::int64_t count) {
  std::vector<AsyncResult<std::int64_t>> results;
  results.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) results.push_back(pool_.apply_async<std::int64_t>("bench.square", i));
  std::uint64_t sum = 0;
  for (const auto& result : results) sum += static_cast<std::uint64_t>(result.get());
  return sum;
}

}  // namespace bulkhead::bench
