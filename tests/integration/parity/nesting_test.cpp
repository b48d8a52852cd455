// Engines in workers: CPython's test_recursion, and TestNoForkBomb.
#include "parity_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;

// A variable of this program's environment, for the life of a test.
class EnvironmentEntry {
 public:
  EnvironmentEntry(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  EnvironmentEntry(const EnvironmentEntry&) = delete;
  EnvironmentEntry& operator=(const EnvironmentEntry&) = delete;
  ~EnvironmentEntry() { ::unsetenv(name_); }

 private:
  const char* name_;
};

Engine nesting_engine(const std::string& config = "{}") {
  Manifest manifest;
  auto& plugin = manifest.plugins.emplace_back();
  plugin.path.value = fixture_plugin("nest");
  plugin.config.value = config;
  return Engine::from_manifest(std::move(manifest));
}

class NestingTest : public ParityTest {};

TEST_P(NestingTest, WorkersMayHavePoolsOfTheirOwnToDepthTwo) {
  auto engine = nesting_engine();
  auto pool = engine.pool(with_start_method({.processes = 1}));
  EXPECT_EQ(pool.apply<std::int64_t>("nest.count_tree", 2), 7);
}

TEST_P(NestingTest, AFourthStoreyIsRefused) {
  auto engine = nesting_engine();
  auto pool = engine.pool(with_start_method({.processes = 1}));
  EXPECT_THAT(text_thrown<TaskError>([&] { (void)pool.apply<std::int64_t>("nest.count_tree", 3); }),
              HasSubstr("worker of a worker"));
}

TEST_P(NestingTest, APoolInAWorkerEndsWithTheWorker) {
  auto engine = nesting_engine();
  auto pool = engine.pool(with_start_method({.processes = 1}));
  const auto outer = pool.apply<std::int64_t>("nest.pid");
  const auto inner = pool.apply<std::int64_t>("nest.keep_a_pool");
  EXPECT_NE(inner, outer);
  EXPECT_TRUE(process_exists(inner));
  ::kill(static_cast<pid_t>(outer), SIGKILL);
  EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(inner); }));
}

INSTANTIATE_TEST_SUITE_P(Parity, NestingTest, with_every_process_start_method, by_name);

TEST(NoForkBombTest, APluginThatMakesAnEngineOfItselfWhileItIsLoadedIsRefused) {
  const ScratchFolder folder;
  const EnvironmentEntry entry("BULKHEAD_TEST_NEST_ON_LOAD", folder.file("loads"));
  EXPECT_THROW((void)Engine::from_plugins({fixture_plugin("nest")}), PluginError);
  EXPECT_LE(lines_of(folder.file("loads")).size(), 3u) << "one on each storey";
}

// Once is enough: each storey tries five times, with pauses.
TEST(NoForkBombTest, AnInitialiserThatMakesAnEngineOfItsOwnPluginBreaksThePool) {
  const ScratchFolder folder;
  auto engine = nesting_engine(R"({"count_in": ")" + folder.file("starts") + R"("})");
  auto pool = engine.pool({.processes = 1});
  EXPECT_THAT(text_thrown<PoolBroken>([&] { (void)pool.apply<std::int64_t>("nest.pid"); }),
              HasSubstr("worker of a worker"));
  // Some five starts on each of three storeys; on a slow machine one more may pass its time.
  EXPECT_LE(lines_of(folder.file("starts")).size(), 216u);
}

}  // namespace
}  // namespace bulkhead::test
