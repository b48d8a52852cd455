// Much work on a small machine, many workers, plugins that change under them.
#include <sys/resource.h>

#include <atomic>

#include "fault_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;

TEST(LoadFaultTest, AStarvedProcessorIsNoReasonToKillAnybody) {
  LogLines log;
  auto engine = make_fault_engine({.on_log = log.sink()});
  auto pool = engine.pool({.processes = 4});
  std::atomic<bool> is_over = false;
  std::vector<std::thread> busy;
  for (int i = 0; i < 8; ++i) {
    busy.emplace_back([&] {
      while (!is_over) {
      }
    });
  }
  EXPECT_EQ(pool.map<std::int64_t>("misbehave.spin_us", std::vector<int>(2000, 100)).size(), 2000u);
  is_over = true;
  for (auto& thread : busy) thread.join();
  for (const auto& worker : pool.stats().workers) EXPECT_EQ(worker.processes, 1u) << log.text();
}

TEST(LoadFaultTest, HundredsOfWorkersStartWorkAndLeave) {
  const char* const given = std::getenv("BULKHEAD_TEST_WORKERS");
  const int workers = given != nullptr ? std::stoi(given) : 300;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  const rlimit enough{files.rlim_max, files.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &enough);
  {
    auto engine = make_fault_engine();
    auto pool = engine.pool({.processes = workers, .plugins = {{"echo"}}, .ring_bytes = 64u << 10});
    const auto are_ready = [&] {
      const auto all = pool.stats().workers;
      return std::all_of(all.begin(), all.end(), [](const WorkerStats& worker) { return worker.is_ready; });
    };
    EXPECT_TRUE(eventually(kPatience, are_ready));
    const auto results = pool.map<std::int64_t>("echo.i64", std::views::iota(0, 10 * workers), {.chunk_size = 1});
    EXPECT_EQ(results.size(), static_cast<std::size_t>(10 * workers));
  }
  ::setrlimit(RLIMIT_NOFILE, &files);
}

TEST(LoadFaultTest, APluginThatIsOverwrittenUnderItsWorkersHarmsNeitherThemNorTheirReplacements) {
  const ScratchFolder folder;
  const std::filesystem::path file = folder.file("misbehave.so");
  std::filesystem::copy_file(fixture_plugin("misbehave"), file);
  auto engine = Engine::from_plugins({file});
  auto pool = engine.pool({.processes = 1});
  const auto pid = pool.apply<std::int64_t>("misbehave.pid");
  std::ofstream(file, std::ios::trunc) << "no plugin any more";
  EXPECT_EQ(pool.apply<std::int64_t>("misbehave.pid"), pid);
  EXPECT_THROW(pool.apply<void>("misbehave.abort"), WorkerLost);
  EXPECT_NE(pool.apply<std::int64_t>("misbehave.pid"), pid);
  EXPECT_THAT(text_thrown<PluginError>([&] { (void)Engine::from_plugins({file}); }), HasSubstr(file.string()));
}

}  // namespace
}  // namespace bulkhead::test
