// What a plugin's file says of itself, for users.
#include "bulkhead/plugin_info.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin_testing.hpp"

namespace bulkhead::plugin {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(PluginInfo, TellsAllOfAFile) {
  const auto info = inspect_plugin(malformed_plugin("origin"));
  EXPECT_EQ(info.name, "origin");
  EXPECT_EQ(info.version, "1.2.3");
  EXPECT_EQ(info.path, malformed_plugin("origin"));
  EXPECT_EQ(info.bytes, std::filesystem::file_size(malformed_plugin("origin")));
  EXPECT_EQ(info.sha256.size(), 64U);
  EXPECT_EQ(info.abi_major, 1U);
  EXPECT_EQ(info.sdk_version, "0.1.0");
  EXPECT_EQ(info.compiler, "gcc");
  EXPECT_THAT(info.needed, Contains("liborigin_helper.so"));
  EXPECT_THAT(info.exported, ElementsAre("call_the_helper"));
  EXPECT_THAT(info.unique, IsEmpty());
  ASSERT_EQ(info.tasks.size(), 1U);
  EXPECT_EQ(info.tasks[0].name, "origin.nap");
}

TEST(PluginInfo, HasNoNamesThatTalkToATerminal) {
  std::string bytes = bytes_of(malformed_plugin("undefined_symbol"));
  const auto at = bytes.find("use_it");
  ASSERT_NE(at, std::string::npos);
  for (auto next = at; next != std::string::npos; next = bytes.find("use_it", next + 1)) bytes[next] = '\x1b';
  const ScratchFolder folder;
  EXPECT_THAT(inspect_plugin(folder.write("x.so", bytes)).exported, ElementsAre("?se_it"));
}

TEST(PluginInfo, RefusesWhatIsNoPlugin) {
  EXPECT_THROW((void)inspect_plugin(malformed_plugin("not_a_plugin")), PluginError);
}

}  // namespace
}  // namespace bulkhead::plugin
