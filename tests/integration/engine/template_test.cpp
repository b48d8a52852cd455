// Templates: processes that have loaded the plugins, from which workers are forked.
#include <map>
#include <sstream>

#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

pid_t parent_of(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream rest(line.substr(name_end + 1));
  char state = 0;
  pid_t parent = 0;
  rest >> state >> parent;
  return parent;
}

class TemplateTest : public EngineTest {
 protected:
  // The pid of the only worker, once it is ready and another than `last`.
  static std::int64_t wait_for_worker(const Pool& pool, std::int64_t last = 0) {
    std::int64_t pid = 0;
    EXPECT_TRUE(eventually(kPatience, [&] {
      const auto worker = pool.stats().workers.at(0);
      pid = worker.pid;
      return worker.is_ready && pid != last;
    }));
    return pid;
  }
  static std::int64_t replace(const Pool& pool, std::int64_t worker) {
    EXPECT_EQ(::kill(static_cast<pid_t>(worker), SIGKILL), 0);
    return wait_for_worker(pool, worker);
  }
  // Replaces the only worker until one comes from a template; that one and its template.
  struct Forked {
    std::int64_t worker = 0;
    pid_t from = 0;
  };
  static Forked wait_for_template(const Pool& pool, pid_t other_than = 0) {
    Forked forked{.worker = wait_for_worker(pool)};
    EXPECT_TRUE(eventually(kPatience, [&] {
      forked.worker = replace(pool, forked.worker);
      forked.from = parent_of(forked.worker);
      return name_of_process(forked.from) == "bulkhead-templ" && forked.from != other_than;
    }));
    return forked;
  }

  Engine alone_ = Engine::from_plugins({fixture_plugin("echo")}, {.on_log = log_.sink()});
};

TEST_F(TemplateTest, IsThereFromTheFirstReplacementOn) {
  auto pool = alone_.pool({.processes = 1});
  const auto first = wait_for_worker(pool);
  EXPECT_EQ(name_of_process(parent_of(first)), "bulkhead-warden");
  const auto forked = wait_for_template(pool);
  EXPECT_EQ(name_of_process(static_cast<pid_t>(forked.worker)), "bulkhead-worker");
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(TemplateTest, IsNotThereForThoseWhoDoNotWantIt) {
  auto pool = alone_.pool({.processes = 1, .preload = false});
  auto worker = wait_for_worker(pool);
  for (int i = 0; i < 5; ++i) {
    worker = replace(pool, worker);
    EXPECT_EQ(name_of_process(parent_of(worker)), "bulkhead-warden");
  }
}

TEST_F(TemplateTest, TellsHowItsWorkersEnd) {
  auto pool = engine_.pool({.processes = 1});
  (void)wait_for_template(pool);
  try {
    pool.apply<void>("misbehave.abort");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const WorkerLost& lost) {
    EXPECT_EQ(lost.signal(), SIGABRT);
    EXPECT_EQ(lost.info().phase, Phase::kRun);
    EXPECT_FALSE(lost.info().backtrace.empty());
  }
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(TemplateTest, CostsNoTaskWhenItIsKilled) {
  auto pool = alone_.pool({.processes = 1});
  const auto forked = wait_for_template(pool);
  const auto running = pool.apply_async<std::int64_t>("echo.after", 100, 7);
  ASSERT_EQ(::kill(forked.from, SIGKILL), 0);
  EXPECT_EQ(running.get(), 7);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  // Another takes its place.
  const auto again = wait_for_template(pool, forked.from);
  EXPECT_NE(again.from, forked.from);
}

TEST_F(TemplateTest, IsDoneWithoutWhileItIsStopped) {
  auto pool = alone_.pool({.processes = 1});
  const auto forked = wait_for_template(pool);
  ASSERT_EQ(::kill(forked.from, SIGSTOP), 0);
  (void)replace(pool, forked.worker);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
  EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(forked.from); }));
}

TEST_F(TemplateTest, LeavesOutAPluginThatStartsThreadsWhileItIsLoaded) {
  auto engine = Engine::from_plugins({fixture_plugin("rude"), fixture_plugin("echo")}, {.on_log = log_.sink()});
  auto pool = engine.pool({.processes = 1});
  (void)wait_for_template(pool);
  EXPECT_EQ(pool.apply<std::int32_t>("rude.count", "four"), 4);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.add", 2, 3), 5);
}

TEST_F(TemplateTest, GoesWithItsPool) {
  pid_t from = 0;
  {
    auto pool = alone_.pool({.processes = 1});
    from = wait_for_template(pool).from;
  }
  EXPECT_TRUE(eventually(kPatience, [&] { return !process_exists(from); }));
}

TEST_F(TemplateTest, ServesManyWorkersThatComeAndGo) {
  auto pool = engine_.pool({.processes = 3, .max_tasks_per_child = 5});
  std::map<std::int64_t, int> pids;
  for (int i = 0; i < 300; ++i) ++pids[pool.apply<std::int64_t>("misbehave.pid")];
  EXPECT_GE(pids.size(), 60U);
  for (const auto& [pid, tasks] : pids) EXPECT_LE(tasks, 5) << pid;
}

}  // namespace
}  // namespace bulkhead::test
