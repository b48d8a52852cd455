// PoolOptions::hygiene: what a task changes of its process, and who sees it.
#include "engine_fixture.hpp"
#include "faults/surroundings.hpp"

namespace bulkhead::test {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

class HygieneTest : public ::testing::Test {
 protected:
  [[nodiscard]] static std::string look(Pool& pool, const Surrounding& it) {
    return pool.apply<std::string>("faults.look", it.name);
  }

  LogLines log_;
  Engine engine_ = Engine::from_plugins({fixture_plugin("faults"), fixture_plugin("misbehave")},
                                        {.on_log = log_.sink(), .capture_output = false});
  Pool strict_ = engine_.pool({.processes = 1, .hygiene = Hygiene::kStrict});
  Pool lax_ = engine_.pool({.processes = 1});
};

TEST_F(HygieneTest, WhatATaskChangesIsPutBackBeforeTheNext) {
  const auto pid = strict_.apply<std::int64_t>("misbehave.pid");
  for (const Surrounding& it : kSurroundings) {
    const std::string before = look(strict_, it);
    for (int round = 0; round < 3; ++round) {
      strict_.apply<void>("faults.change", it.name);
      EXPECT_EQ(look(strict_, it), before) << it.name;
    }
  }
  EXPECT_EQ(strict_.apply<std::int64_t>("misbehave.pid"), pid);
}

TEST_F(HygieneTest, WithoutItTheNextTaskFindsIt) {
  for (const Surrounding& it : kSurroundings) {
    auto pool = engine_.pool({.processes = 1});
    const std::string before = look(pool, it);
    pool.apply<void>("faults.change", it.name);
    EXPECT_NE(look(pool, it), before) << it.name;
  }
}

TEST_F(HygieneTest, NoItemOfAMapSeesWhatAnotherChanged) {
  const std::vector<std::string> items(20, "file mode mask");
  const std::string before = look(strict_, surrounding(items.front()));
  EXPECT_THAT(strict_.map<std::string>("faults.look_then_change", items, {.chunk_size = 10}), Each(before));
  for (const auto& seen : strict_.imap<std::string>("faults.look_then_change", items, {.chunk_size = 10})) {
    EXPECT_EQ(seen, before);
  }
  EXPECT_THAT(lax_.map<std::string>("faults.look_then_change", items, {.chunk_size = 10}), Not(Each(before)));
}

TEST_F(HygieneTest, AnAlarmThatATaskLeftBehindHitsNoOther) {
  constexpr int kMicroseconds = 999'999;  // so long that it does not go off while its own task runs
  strict_.apply<void>("faults.set_alarm", kMicroseconds);
  EXPECT_EQ(strict_.apply<std::int64_t>("misbehave.sleep_ms", 1500), 1500);
  lax_.apply<void>("faults.set_alarm", kMicroseconds);
  EXPECT_THROW((void)lax_.apply<std::int64_t>("misbehave.sleep_ms", 3'600'000), WorkerLost);
}

TEST_F(HygieneTest, WhatCannotBePutBackCostsTheWorkerAndNoTask) {
  for (const Surrounding& it : kForGood) {
    const std::string before = look(strict_, it);
    const auto pid = strict_.apply<std::int64_t>("misbehave.pid");
    const auto guilty = strict_.apply_async<void>("faults.change", it.name);
    const std::vector<std::string> names(50, std::string(it.name));
    EXPECT_THAT(strict_.map<std::string>("faults.look", names), Each(before)) << it.name;
    guilty.get();
    EXPECT_NE(strict_.apply<std::int64_t>("misbehave.pid"), pid);
    EXPECT_TRUE(
        log_.contains("task \"faults.change\" changed its " + std::string(it.name) + ", which cannot be put back"))
        << log_.text();
  }
  EXPECT_THAT(log_.text(), Not(HasSubstr("ended and is replaced"))) << "it is no failure";
}

TEST_F(HygieneTest, WorkersThatLeaveOneAfterTheOtherBreakNothing) {
  const std::vector<std::string> names(100, "nice value");
  for (const auto& outcome : strict_.imap<std::string>("faults.look_then_change", names).outcomes()) {
    EXPECT_TRUE(outcome) << outcome.error().what();
  }
  EXPECT_TRUE(eventually(kPatience, [&] { return strict_.stats().workers[0].processes > 100; })) << "one for each";
}

TEST_F(HygieneTest, TheWorkerWorksAsBeforeBetweenTheTasksThatChangeIt) {
  auto pool = engine_.pool({.processes = 2, .kill_grace = 50ms, .hygiene = Hygiene::kStrict});
  for (const Surrounding& it : kSurroundings) pool.apply<void>("faults.change", it.name);
  EXPECT_THROW((void)pool.apply<std::int64_t>("misbehave.sleep_ms", {.timeout = 50ms}, 3'600'000), TaskTimeout);
  EXPECT_THAT(text_thrown<WorkerLost>([&] { pool.apply<void>("misbehave.segv"); }), HasSubstr("SIGSEGV"));
  EXPECT_THROW(pool.apply<void>("misbehave.throw_domain", "text"), std::domain_error);
  EXPECT_GT(pool.apply<std::int64_t>("misbehave.pid"), 0);
}

TEST_F(HygieneTest, WorksWithEveryStartMethodThatHasProcesses) {
  const Surrounding& mask = surrounding("file mode mask");
  for (const auto method : {StartMethod::kForkserver, StartMethod::kSpawn}) {
    auto pool = engine_.pool({.processes = 1, .start_method = method, .hygiene = Hygiene::kStrict});
    const std::string before = look(pool, mask);
    for (int process = 0; process < 2; ++process) {
      pool.apply<void>("faults.change", mask.name);
      EXPECT_EQ(look(pool, mask), before);
      EXPECT_THROW(pool.apply<void>("misbehave.abort"), WorkerLost);
    }
  }
}

TEST_F(HygieneTest, IsRefusedForThreads) {
  EXPECT_THAT(text_thrown<UsageError>(
                  [&] { (void)engine_.pool({.start_method = StartMethod::kThread, .hygiene = Hygiene::kStrict}); }),
              HasSubstr("threads of this process"));
  EXPECT_GT(engine_.pool({.processes = 1, .start_method = StartMethod::kThread, .hygiene = Hygiene::kNone})
                .apply<std::int64_t>("misbehave.pid"),
            0);
}

TEST_F(HygieneTest, CanBeSaidByTheManifest) {
  Manifest manifest = parse_manifest("[pool]\nprocesses = 1\nhygiene = \"strict\"\n", "bulkhead.toml");
  manifest.plugins.emplace_back().path.value = fixture_plugin("faults");
  auto engine = Engine::from_manifest(std::move(manifest));
  const Surrounding& mask = surrounding("file mode mask");
  auto strict = engine.pool();
  const std::string before = look(strict, mask);
  strict.apply<void>("faults.change", mask.name);
  EXPECT_EQ(look(strict, mask), before);
  auto lax = engine.pool({.hygiene = Hygiene::kNone});
  lax.apply<void>("faults.change", mask.name);
  EXPECT_NE(look(lax, mask), before);
}

}  // namespace
}  // namespace bulkhead::test
