// What the program and the manifest make of a pool's options together.
#include "pool/pool_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace bulkhead::pool {
namespace {

using namespace std::chrono_literals;

constexpr const char* kPool = R"([pool]
processes = 3
start_method = "thread"
initializer = "img.warm_up"
max_tasks_per_child = 100
max_tasks_jitter = 10
init_timeout = "20s"
ring_bytes = "2MiB"
plugins = ["img"]
max_rss = "2GiB"
max_pending = 1000
max_pending_bytes = "64MiB"
when_full = "fail"
submit_timeout = "3s"
kill_grace = "none"
idle_timeout = "5m"
min_processes = 2
hygiene = "strict"
quarantine_after = 3
[[plugin]]
name = "img"
)";

Manifest manifest(const std::string& toml) { return parse_manifest(toml, "m.toml"); }

TEST(PoolSettings, AreTheManifestsWhereTheProgramSaysNothing) {
  const PoolOptions options = merged({}, manifest(kPool));
  EXPECT_EQ(options.processes, 3);
  EXPECT_EQ(options.start_method, StartMethod::kThread);
  EXPECT_EQ(options.initializer, "img.warm_up");
  EXPECT_EQ(options.max_tasks_per_child, 100);
  EXPECT_EQ(options.max_tasks_jitter, 10);
  EXPECT_EQ(options.init_timeout->value(), 20s);
  EXPECT_EQ(options.ring_bytes, 2u << 20);
  EXPECT_THAT(*options.plugins, testing::ElementsAre("img"));
  EXPECT_EQ(options.max_rss, std::uint64_t{2} << 30);
  EXPECT_EQ(options.max_pending, 1000);
  EXPECT_EQ(options.max_pending_bytes, 64u << 20);
  EXPECT_EQ(options.when_full, WhenFull::kFail);
  EXPECT_EQ(options.submit_timeout->value(), 3s);
  EXPECT_TRUE(options.kill_grace->is_for_ever());
  EXPECT_EQ(options.idle_timeout->value(), 5min);
  EXPECT_EQ(options.min_processes, 2);
  EXPECT_EQ(options.hygiene, Hygiene::kStrict);
  EXPECT_EQ(options.quarantine_after, 3);
}

TEST(PoolSettings, AreTheProgramsWhereItSaysSomething) {
  const PoolOptions options = merged({.processes = 1,
                                      .start_method = StartMethod::kSpawn,
                                      .when_full = WhenFull::kBlock,
                                      .kill_grace = TimeLimit(1s),
                                      .hygiene = Hygiene::kNone},
                                     manifest(kPool));
  EXPECT_EQ(options.processes, 1);
  EXPECT_EQ(options.start_method, StartMethod::kSpawn);
  EXPECT_EQ(options.when_full, WhenFull::kBlock);
  EXPECT_EQ(options.kill_grace->value(), 1s);
  EXPECT_EQ(options.hygiene, Hygiene::kNone);
}

TEST(PoolSettings, StayUnsetWhereNobodySaysAnything) {
  const PoolOptions options = merged({}, Manifest{});
  EXPECT_FALSE(options.processes);
  EXPECT_FALSE(options.start_method);
  EXPECT_FALSE(options.max_rss);
  EXPECT_FALSE(options.kill_grace);
}

TEST(PoolSettings, LeaveProcessesToTheEngineForAuto) {
  EXPECT_FALSE(merged({}, manifest("[pool]\nprocesses = \"auto\"\n")).processes);
}

TEST(PoolSettings, KeepMemoryWithinTheManifestsLimit) {
  const std::string limit = "[limits]\nmax_rss = \"1GiB\"\n";
  constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
  EXPECT_EQ(merged({}, manifest(limit)).max_rss, kGiB);
  EXPECT_EQ(merged({}, manifest("[pool]\nmax_rss = \"2GiB\"\n" + limit)).max_rss, kGiB);
  EXPECT_EQ(merged({.max_rss = kNoLimit}, manifest(limit)).max_rss, kGiB);
  EXPECT_EQ(merged({.max_rss = kGiB / 2}, manifest(limit)).max_rss, kGiB / 2);
}

}  // namespace
}  // namespace bulkhead::pool
