// What the plugin, the manifest and its limits make of a task's defaults.
#include "pool/task_policy.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "bulkhead/sdk/abi.h"

namespace bulkhead::pool {
namespace {

using namespace std::chrono_literals;
using detail::TaskPolicy;

constexpr auto kNone = std::chrono::nanoseconds::max();

plugin::TaskEntry resize() {
  plugin::TaskEntry task;
  task.name = "img.resize";
  return task;
}
plugin::TaskEntry with_defaults(std::uint32_t flags) {
  plugin::TaskEntry task = resize();
  task.flags = flags;
  task.retries = 3;
  task.timeout = 30s;
  task.soft_timeout = 20s;
  return task;
}
Manifest parsed(const std::string& toml) { return parse_manifest(toml, "m.toml"); }

TEST(TaskPolicy, IsPlainWhenNobodySaysAnything) {
  const TaskPolicy policy = task_policy(resize(), Manifest{});
  EXPECT_TRUE(policy.is_plain());
  EXPECT_EQ(policy.max_running, 0u);
}

TEST(TaskPolicy, TakesThePluginsDefaults) {
  const TaskPolicy policy = task_policy(with_defaults(BULKHEAD_TASK_IDEMPOTENT), Manifest{});
  EXPECT_EQ(policy.timeout, 30s);
  EXPECT_EQ(policy.soft_timeout, 20s);
  EXPECT_EQ(policy.retries, 3u);
}

TEST(TaskPolicy, IgnoresThePluginsRetriesUnlessTheTaskIsIdempotent) {
  EXPECT_EQ(task_policy(with_defaults(0), Manifest{}).retries, 0u);
  EXPECT_EQ(task_policy(with_defaults(0), parsed("[task.img.resize]\nretries = 2\n")).retries, 2u);
}

TEST(TaskPolicy, PrefersTheManifestToThePlugin) {
  const TaskPolicy policy =
      task_policy(with_defaults(BULKHEAD_TASK_IDEMPOTENT),
                  parsed("[task.img]\ntimeout = \"5s\"\nretries = 0\n[task.img.resize]\nsoft_timeout = \"1s\"\n"
                         "priority = 7\nmax_running = 2\n"));
  EXPECT_EQ(policy.timeout, 5s);
  EXPECT_EQ(policy.soft_timeout, 1s);
  EXPECT_EQ(policy.retries, 0u);
  EXPECT_EQ(policy.priority, 7);
  EXPECT_EQ(policy.max_running, 2u);
}

TEST(TaskPolicy, LetsTheManifestRemoveThePluginsLimits) {
  const TaskPolicy policy =
      task_policy(with_defaults(0), parsed("[task.img]\ntimeout = \"none\"\nsoft_timeout = \"none\"\n"));
  EXPECT_EQ(policy.timeout, kNone);
  EXPECT_EQ(policy.soft_timeout, kNone);
}

TEST(TaskPolicy, StaysWithinTheManifestsLimits) {
  const Manifest capped = parsed("[limits]\nmax_timeout = \"10s\"\n");
  EXPECT_EQ(task_policy(with_defaults(0), capped).timeout, 10s);
  EXPECT_EQ(task_policy(resize(), capped).timeout, 10s);
  EXPECT_EQ(task_policy(resize(), capped).max_timeout, 10s);
  EXPECT_FALSE(task_policy(resize(), capped).is_plain());
}

}  // namespace
}  // namespace bulkhead::pool
