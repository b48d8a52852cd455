#include "worker/plugin_host.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace bulkhead::worker {
namespace {

std::string logged(const PluginHost& host, std::int32_t level, std::string_view text) {
  testing::internal::CaptureStderr();
  host.table()->log(host.table()->self, level, text.data(), text.size());
  return testing::internal::GetCapturedStderr();
}

TEST(PluginHost, WritesALogLineWithPluginAndLevel) {
  const PluginHost host("math", "");
  EXPECT_EQ(logged(host, BULKHEAD_LOG_WARN, "careful"), "[math] warn careful\n");
  EXPECT_EQ(logged(host, 99, "odd"), "[math] critical odd\n");
  EXPECT_EQ(logged(host, -1, "odd"), "[math] trace odd\n");
}

TEST(PluginHost, KeepsALogLineOnOneLineAndShort) {
  const PluginHost host("math", "");
  EXPECT_EQ(logged(host, BULKHEAD_LOG_INFO, "a\nb\x1b[31m\tc"), "[math] info a b [31m\tc\n");
  const std::string line = logged(host, BULKHEAD_LOG_INFO, std::string(100'000, 'x'));
  EXPECT_EQ(line.size(), 4096u);
  EXPECT_EQ(line.back(), '\n');
}

TEST(PluginHost, GivesThePluginItsConfiguration) {
  const auto config_of = [](const PluginHost& host) {
    const char* json = nullptr;
    const std::size_t size = host.table()->config(host.table()->self, &json);
    return std::string(json, size);
  };
  EXPECT_EQ(config_of(PluginHost("math", R"({"base":10})")), R"({"base":10})");
  EXPECT_EQ(config_of(PluginHost("math", "")), "{}");
}

using Load = decltype(bulkhead_plugin::load);

// "" when the initialiser went well.
std::string load_error(Load load) {
  const PluginHost host("math", "");
  bulkhead_plugin plugin{};
  plugin.size = sizeof plugin;
  plugin.load = load;
  std::string text = "unset";
  return run_load(plugin, host.table(), text) ? "" : text;
}

void fail(const bulkhead_call* call, std::string_view type, std::string_view text) {
  call->fail(call->self, type.data(), type.size(), text.data(), text.size(), nullptr, 0);
}

TEST(LastingHost, IsTheSameForTheSameTexts) {
  const bulkhead_host* const first = lasting_host("math", "{}");
  EXPECT_EQ(lasting_host("math", "{}"), first);
  EXPECT_NE(lasting_host("math", R"({"base":10})"), first);
  EXPECT_NE(lasting_host("text", "{}"), first);
}

TEST(RunLoad, SucceedsWithoutAnInitialiserOrWithAGoodOne) {
  EXPECT_EQ(load_error(nullptr), "");
  EXPECT_EQ(load_error([](const bulkhead_host* host, const bulkhead_call* call) -> std::int32_t {
              const char* json = nullptr;
              const bool is_whole = host->config(host->self, &json) == 2 && *call->stop == BULKHEAD_STOP_NO;
              return is_whole ? BULKHEAD_OK : BULKHEAD_INIT_FAILED;
            }),
            "");
}

TEST(RunLoad, TellsWhyTheInitialiserFailed) {
  EXPECT_EQ(load_error([](const bulkhead_host*, const bulkhead_call* call) -> std::int32_t {
              fail(call, "std::runtime_error", "no licence");
              return BULKHEAD_INIT_FAILED;
            }),
            "no licence [std::runtime_error]");
  EXPECT_EQ(load_error([](const bulkhead_host*, const bulkhead_call* call) -> std::int32_t {
              fail(call, "int", "");
              return BULKHEAD_INIT_FAILED;
            }),
            "int");
  EXPECT_EQ(load_error([](const bulkhead_host*, const bulkhead_call*) -> std::int32_t { return 3; }),
            "the plugin gave no reason");
  EXPECT_EQ(load_error([](const bulkhead_host*, const bulkhead_call*) -> std::int32_t {
              throw std::runtime_error("should have been caught");
            }),
            "an exception escaped the plugin's boundary");
}

}  // namespace
}  // namespace bulkhead::worker
