// What bulkhead config explain shows: the values in force and where each comes from.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "bulkhead/manifest.hpp"

namespace bulkhead {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::IsSupersetOf;

CatalogEntry resize() {
  return {.name = "img.resize", .signature = "()->void", .plugin = "img", .version = "1", .doc = {}, .param_names = {}};
}

std::vector<std::string> lines_for(const std::string& toml, const CatalogEntry& task) {
  std::vector<std::string> lines;
  for (const ExplainedSetting& line : explain(parse_manifest(toml, "conf/bulkhead.toml"), std::span(&task, 1))) {
    lines.push_back(line.key + " = " + line.value + "  # " + line.source);
  }
  return lines;
}

TEST(Explain, ShowsTheManifestsValuesWithTheirLines) {
  EXPECT_THAT(lines_for(R"(plugin_dirs = ["more", "/opt/plugins"]
[pool]
initializer = "img.warm_up"
initargs = [1, "x"]
ring_bytes = "2MiB"
when_full = "fail"
max_rss = "2GiB"
[[plugin]]
name = "img"
config = { model = "small", size = 3 }
[task.img]
timeout = "5s"
[task.img.resize]
priority = 6
max_running = 2
[log]
level = "info"
capture = false
[limits]
max_timeout = "10m"
)",
                        resize()),
              IsSupersetOf({
                  "pool.initargs = [1,\"x\"]  # conf/bulkhead.toml:4",
                  "pool.ring_bytes = \"2MiB\"  # conf/bulkhead.toml:5",
                  "pool.when_full = \"fail\"  # conf/bulkhead.toml:6",
                  "pool.max_rss = \"2GiB\"  # conf/bulkhead.toml:7",
                  "plugin_dirs = [\"conf/more\", \"/opt/plugins\"]  # conf/bulkhead.toml:1",
                  "plugin[0].config = {\"model\":\"small\",\"size\":3}  # conf/bulkhead.toml:10",
                  "task.img.resize.timeout = \"5s\"  # conf/bulkhead.toml:12",
                  "task.img.resize.priority = 6  # conf/bulkhead.toml:14",
                  "task.img.resize.max_running = 2  # conf/bulkhead.toml:15",
                  "log.level = \"info\"  # conf/bulkhead.toml:17",
                  "log.capture = false  # conf/bulkhead.toml:18",
                  "limits.max_timeout = \"10m\"  # conf/bulkhead.toml:20",
              }));
}

TEST(Explain, ShowsTheDefaultsOfWhatNobodySets) {
  EXPECT_THAT(lines_for("", resize()), IsSupersetOf({
                                           "pool.start_method = \"forkserver\"  # default",
                                           "pool.init_timeout = \"8s\"  # default",
                                           "pool.max_rss = \"none\"  # default",
                                           "pool.kill_grace = \"2s\"  # default",
                                           "pool.when_full = \"block\"  # default",
                                           "task.img.resize.timeout = \"none\"  # default",
                                           "task.img.resize.retries = 0  # default",
                                           "task.img.resize.priority = 3  # default",
                                           "log.level = \"warning\"  # default",
                                           "log.pattern = \"bulkhead: %l: %v\"  # default",
                                           "log.capture = true  # default",
                                           "limits.max_rss = \"none\"  # default",
                                       }));
}

TEST(Explain, ShowsThePluginsDefaults) {
  CatalogEntry task = resize();
  task.timeout = 30s;
  task.retries = 2;
  EXPECT_THAT(lines_for("", task), IsSupersetOf({
                                       "task.img.resize.timeout = \"30s\"  # plugin \"img\"",
                                       "task.img.resize.retries = 0  # default (plugin \"img\" says 2, which counts "
                                       "only for idempotent tasks)",
                                   }));
  task.is_idempotent = true;
  EXPECT_THAT(lines_for("", task), Contains("task.img.resize.retries = 2  # plugin \"img\""));
}

TEST(Explain, ShowsWhatALimitCutsWithTheLimit) {
  const std::string limits = "[limits]\nmax_timeout = \"10s\"\nmax_rss = \"1GiB\"\n";
  EXPECT_THAT(lines_for(limits + "[pool]\nmax_rss = \"2GiB\"\n[task.img]\ntimeout = \"none\"\n", resize()),
              IsSupersetOf({
                  "pool.max_rss = \"1GiB\"  # conf/bulkhead.toml:3 (limits.max_rss)",
                  "task.img.resize.timeout = \"10s\"  # conf/bulkhead.toml:2 (limits.max_timeout)",
              }));
  EXPECT_THAT(lines_for(limits + "[task.img]\ntimeout = \"5s\"\n", resize()),
              Contains("task.img.resize.timeout = \"5s\"  # conf/bulkhead.toml:5"));
}

}  // namespace
}  // namespace bulkhead
