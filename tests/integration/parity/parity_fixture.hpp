// CPython's tests of multiprocessing (Lib/test/_test_multiprocessing.py), as behaviours of ours: every one with every
// start method that can keep it. tests/README.md tells which is which.
#pragma once

#include <algorithm>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine_fixture.hpp"
#include "engine/generator.hpp"

namespace bulkhead::test {

using Numbers = std::vector<std::int64_t>;

[[nodiscard]] inline Numbers numbers(std::int64_t count) {
  Numbers list;
  for (std::int64_t i = 0; i < count; ++i) list.push_back(i);
  return list;
}
[[nodiscard]] inline Numbers squares(std::int64_t count) {
  Numbers list = numbers(count);
  for (auto& number : list) number *= number;
  return list;
}

// The caller's own exception.
struct SourceBroke : std::runtime_error {
  SourceBroke() : std::runtime_error("the source broke") {}
};
// 0, 1, …, and an exception instead of number `broken_at`; it ends at `count`.
[[nodiscard]] inline Generator<std::int64_t> breaking(std::int64_t count, std::int64_t broken_at) {
  for (std::int64_t i = 0; i < count; ++i) {
    if (i == broken_at) throw SourceBroke();
    co_yield std::int64_t(i);
  }
  if (broken_at == count) throw SourceBroke();
}

[[nodiscard]] inline std::string name_of(StartMethod method) {
  switch (method) {
    case StartMethod::kForkserver:
      return "forkserver";
    case StartMethod::kSpawn:
      return "spawn";
    case StartMethod::kFork:
      return "fork";
    case StartMethod::kThread:
      return "thread";
  }
  return "unknown";
}

// `pool_options()` are those of the start method under test.
class ParityTest : public ::testing::TestWithParam<StartMethod> {
 protected:
  [[nodiscard]] static Engine make_engine(EngineOptions options = {}) {
    return Engine::from_plugins({fixture_plugin("echo"), fixture_plugin("misbehave"), fixture_plugin("parity")},
                                std::move(options));
  }
  [[nodiscard]] static bool has_processes() { return GetParam() != StartMethod::kThread; }
  [[nodiscard]] static PoolOptions with_start_method(PoolOptions options) {
    options.start_method = GetParam();
    return options;
  }
  [[nodiscard]] static std::vector<std::int64_t> worker_pids(const Pool& pool) {
    std::vector<std::int64_t> pids;
    for (const auto& worker : pool.stats().workers) pids.push_back(worker.pid);
    return pids;
  }
  static void wait_until_ready(const Pool& pool) {
    EXPECT_TRUE(eventually(kPatience, [&] {
      return std::ranges::all_of(pool.stats().workers, [](const WorkerStats& worker) { return worker.is_ready; });
    }));
  }

  const ScratchFolder folder_;
  LogLines log_;
};

// With an engine, and a pool like that of CPython's fixture.
class ParityPoolTest : public ParityTest {
 protected:
  [[nodiscard]] Pool make_pool(PoolOptions options = {}) { return engine_.pool(with_start_method(std::move(options))); }

  Engine engine_ = make_engine({.on_log = log_.sink()});
  Pool pool_ = make_pool({.processes = 4});
};

inline const auto with_every_start_method =
    ::testing::Values(StartMethod::kForkserver, StartMethod::kSpawn, StartMethod::kThread);
inline const auto with_every_process_start_method = ::testing::Values(StartMethod::kForkserver, StartMethod::kSpawn);
inline const auto by_name = [](const ::testing::TestParamInfo<StartMethod>& info) { return name_of(info.param); };

}  // namespace bulkhead::test
