#include "plugin/plugin_search.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin_testing.hpp"

namespace bulkhead::plugin {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;

namespace fs = std::filesystem;

std::vector<std::string> texts(const std::vector<fs::path>& paths) {
  std::vector<std::string> result;
  for (const fs::path& path : paths) result.push_back(path.string());
  return result;
}

TEST(PluginFolders, ComeInTheirOrderWithoutRepetitions) {
  const auto environment = [](const char* name) -> std::optional<std::string> {
    if (std::string_view(name) == "BULKHEAD_PLUGIN_PATH") return "/a::/b:/a:";
    if (std::string_view(name) == "HOME") return "/home/me";
    return std::nullopt;
  };
  EXPECT_THAT(texts(plugin_folders(environment, {"/program"}, {"/manifest", "/b"})),
              ElementsAre("/a", "/b", "/program", "/manifest", "/home/me/.local/lib/bulkhead/plugins",
                          EndsWith("/bulkhead/plugins")));
}

TEST(PluginFolders, NeedNoEnvironment) {
  const auto nothing = [](const char*) -> std::optional<std::string> { return std::nullopt; };
  EXPECT_THAT(texts(plugin_folders(nothing, {}, {})), ElementsAre(EndsWith("/bulkhead/plugins")));
}

TEST(FindPlugin, TakesTheFirstFolderThatHasIt) {
  const ScratchFolder folder;
  folder.write("two/img.so", "");
  folder.write("three/img.so", "");
  EXPECT_EQ(find_plugin("img", {folder.path() / "one", folder.path() / "two", folder.path() / "three"}),
            folder.path() / "two/img.so");
}

TEST(FindPlugin, ListsAllPlacesItTried) {
  const auto error = plugin_error_of([] { (void)find_plugin("img", {"/nowhere", "/never"}); });
  EXPECT_EQ(error.reason, PluginError::Reason::kMissing);
  EXPECT_THAT(error.text, HasSubstr("no plugin \"img\" on the plugin path"));
  EXPECT_THAT(error.text, HasSubstr("\n  /nowhere/img.so\n  /never/img.so"));
}

TEST(OpenPlugin, FindsByNameAndByPath) {
  ManifestPlugin by_name;
  by_name.name.value = "plain";
  EXPECT_EQ(open_plugin(by_name, {malformed_plugin("plain").parent_path()}).entry().name, "plain");
  ManifestPlugin by_path;
  by_path.path.value = malformed_plugin("plain").string();
  EXPECT_EQ(open_plugin(by_path, {}).entry().name, "plain");
}

TEST(OpenPlugin, ChecksThePin) {
  ManifestPlugin wanted;
  wanted.path.value = malformed_plugin("plain").string();
  wanted.sha256.value = std::string(64, '0');
  EXPECT_EQ(plugin_error_of([&] { (void)open_plugin(wanted, {}); }).reason, PluginError::Reason::kHashMismatch);
}

TEST(OpenPlugin, RefusesAFileThatCallsItselfOtherwise) {
  ManifestPlugin wanted;
  wanted.name.value = "img";
  wanted.path.value = malformed_plugin("plain").string();
  const auto error = plugin_error_of([&] { (void)open_plugin(wanted, {}); });
  EXPECT_EQ(error.reason, PluginError::Reason::kInconsistent);
  EXPECT_THAT(error.text, HasSubstr("calls itself \"plain\", the manifest calls it \"img\""));
}

}  // namespace
}  // namespace bulkhead::plugin
