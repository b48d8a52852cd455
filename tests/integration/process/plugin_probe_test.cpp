#include "process/plugin_probe.hpp"

#include "process_fixture.hpp"
#include "support/leak_check.hpp"

namespace bulkhead::process::test {
namespace {

using support::Deadline;

ProbeResult probe(TestHost& host, const PluginToLoad& plugin, Deadline deadline = Deadline::after(kPatience)) {
  return probe_plugins(host.loop, host.warden, std::span(&plugin, 1), deadline).front();
}

TEST(PluginProbe, DescribesAPluginFromItsTable) {
  TestHost host;
  const ProbeResult result = probe(host, host.plugin("none"));
  ASSERT_TRUE(result.entry) << result.error;
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.entry->name, "process");
  EXPECT_EQ(result.entry->version, "1.2.3");
  ASSERT_EQ(result.entry->tasks.size(), 2U);
  EXPECT_EQ(result.entry->tasks[0].name, "process.echo");
  EXPECT_EQ(result.entry->tasks[0].signature, "(bytes)->bytes");
  EXPECT_EQ(result.entry->tasks[0].shape, 42U);
  EXPECT_EQ(result.entry->tasks[0].retries, -1);
  EXPECT_EQ(result.entry->tasks[1].name, "process.spin");
  EXPECT_EQ(result.entry->tasks[1].task_index, 1U);
}

TEST(PluginProbe, TellsTheStatusOfAConstructorThatLeaves) {
  TestHost host;
  const ProbeResult result = probe(host, host.plugin("constructor_exits"));
  EXPECT_FALSE(result.entry);
  EXPECT_EQ(result.reason, PluginError::Reason::kDiedLoading);
  EXPECT_NE(result.error.find("exited with status 9"), std::string::npos) << result.error;
  EXPECT_NE(result.error.find("\"constructor_exits\""), std::string::npos) << result.error;
  EXPECT_NE(result.error.find("load phase"), std::string::npos) << result.error;
}

TEST(PluginProbe, TellsTheSignalOfAConstructorThatCrashes) {
  TestHost host;
  const ProbeResult result = probe(host, host.plugin("constructor_crashes"));
  EXPECT_FALSE(result.entry);
  EXPECT_EQ(result.reason, PluginError::Reason::kDiedLoading);
  EXPECT_NE(result.error.find("SIGSEGV"), std::string::npos) << result.error;
}

TEST(PluginProbe, GivesUpOnAConstructorThatHangs) {
  TestHost host;
  const ProbeResult result = probe(host, host.plugin("constructor_hangs"), Deadline::after(200ms));
  EXPECT_FALSE(result.entry);
  EXPECT_EQ(result.reason, PluginError::Reason::kDiedLoading);
  EXPECT_NE(result.error.find("does not come to an end"), std::string::npos) << result.error;
}

TEST(PluginProbe, PassesOnWhyTheLoaderRefused) {
  TestHost host;
  const ProbeResult wrong = probe(host, host.plugin("wrong_abi"));
  EXPECT_EQ(wrong.reason, PluginError::Reason::kWrongAbi) << wrong.error;
  EXPECT_NE(wrong.error.find("wrong_abi.so"), std::string::npos) << wrong.error;

  const support::UniqueFd text(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(text.is_open());
  const ProbeResult no_plugin =
      probe(host, {.name = "text", .shown_path = "text.so", .fd = text.get(), .config_json = {}});
  EXPECT_EQ(no_plugin.reason, PluginError::Reason::kCannotLoad) << no_plugin.error;
  EXPECT_NE(no_plugin.error.find("text.so"), std::string::npos) << no_plugin.error;
}

TEST(PluginProbe, ProbesSeveralAtOnceInTheOrderGiven) {
  TestHost host;
  const std::vector plugins{host.plugin("constructor_exits"), host.plugin("none"), host.plugin("constructor_crashes"),
                            host.plugin("prints"), host.plugin("load_fails")};
  const auto results = probe_plugins(host.loop, host.warden, plugins, Deadline::after(kPatience));
  ASSERT_EQ(results.size(), plugins.size());
  EXPECT_FALSE(results[0].entry);
  EXPECT_TRUE(results[1].entry);
  EXPECT_FALSE(results[2].entry);
  EXPECT_TRUE(results[3].entry);
  EXPECT_TRUE(results[4].entry) << "initialisers are not run by a probe";
  EXPECT_EQ(results[3].entry->path, plugins[3].shown_path);
}

TEST(PluginProbe, HasNothingToDoWithoutPlugins) {
  TestHost host;
  EXPECT_TRUE(probe_plugins(host.loop, host.warden, {}).empty());
}

TEST(PluginProbe, SurvivesAWardenThatDies) {
  TestHost host;
  const auto plugin = host.plugin("none");
  for (int i = 0; i < 5; ++i) {
    if (const pid_t pid = host.warden_pid(); pid > 0) ::kill(pid, SIGKILL);
    const ProbeResult result = probe(host, plugin);
    EXPECT_TRUE(result.entry) << result.error;
  }
}

}  // namespace
}  // namespace bulkhead::process::test
