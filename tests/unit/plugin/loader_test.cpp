#include "plugin/loader.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "plugin/plugin_file.hpp"
#include "plugin_testing.hpp"

namespace bulkhead::plugin {
namespace {

using namespace std::chrono_literals;
using Reason = PluginError::Reason;
using testing::HasSubstr;
using testing::Not;

// Descriptors are closed again and their numbers used for the next: what is loaded stays what it was.
struct Loaded {
  PluginEntry note;
  LoadedPlugin plugin;
};
Loaded load(const std::filesystem::path& path) {
  const PluginFile file = PluginFile::open(path);
  return {file.entry(), LoadedPlugin::load(file.fd(), path.string())};
}

CaughtPluginError error_of_loading(const std::string& name) {
  return plugin_error_of([&] { (void)load(malformed_plugin(name)); });
}

// Counts ended items: that is all the fixtures' tasks do with one.
struct Counter {
  bulkhead_call call{};
  std::uint64_t ended = 0;
  Counter() {
    call.size = sizeof call;
    call.self = this;
    call.end_item = [](void* self, std::int32_t outcome) -> std::int32_t {
      EXPECT_EQ(outcome, BULKHEAD_OK);
      ++static_cast<Counter*>(self)->ended;
      return 0;
    };
  }
};

TEST(LoadedPlugin, OffersTheTableOfThePlugin) {
  const Loaded loaded = load(malformed_plugin("plain"));
  EXPECT_STREQ(loaded.plugin.table().name, "plain");
  ASSERT_EQ(loaded.plugin.table().task_count, 2U);
  EXPECT_STREQ(loaded.plugin.task(1).name, "nap");
}

TEST(LoadedPlugin, RunsItsTasks) {
  const Loaded loaded = load(malformed_plugin("plain"));
  Counter counter;
  EXPECT_EQ(loaded.plugin.task(1).invoke_batch(nullptr, &counter.call, nullptr, 0, 3), BULKHEAD_OK);
  EXPECT_EQ(counter.ended, 3U);
}

TEST(LoadedPlugin, StridesOverTasksThatHaveGrown) {
  const Loaded loaded = load(malformed_plugin("newer_sdk"));
  ASSERT_GT(loaded.plugin.table().task_stride, sizeof(bulkhead_task));
  EXPECT_STREQ(loaded.plugin.task(1).name, "nap");
  EXPECT_NO_THROW(check_same(loaded.note, describe(loaded.plugin, "newer_sdk.so")));
}

TEST(LoadedPlugin, LoadsAPluginOneOfWhoseTasksNeedsANewerEngine) {
  const Loaded loaded = load(malformed_plugin("needs_newer_engine_task"));
  EXPECT_NO_THROW(check_same(loaded.note, describe(loaded.plugin, "x.so")));
  EXPECT_EQ(loaded.note.tasks.at(1).required_flags, 8U);
}

TEST(LoadedPlugin, IsTheBytesThatWereCheckedNotThoseOnDisk) {
  const ScratchFolder folder;
  const auto path = folder.write("plain.so", bytes_of(malformed_plugin("plain")));
  const PluginFile file = PluginFile::open(path);
  folder.write("plain.so", "something else");
  const LoadedPlugin plugin = LoadedPlugin::load(::dup(file.fd()), path.string());
  EXPECT_STREQ(plugin.table().name, "plain");
}

TEST(LoadedPlugin, LoadsTwoPluginsOfOneFileNameSideBySide) {
  const Loaded one = load(malformed_plugin("plain"));
  const ScratchFolder folder;
  const Loaded other = load(folder.write("plain.so", bytes_of(malformed_plugin("newer_sdk"))));
  EXPECT_STREQ(one.plugin.table().name, "plain");
  EXPECT_STREQ(other.plugin.table().name, "newer_sdk");
}

TEST(LoadedPlugin, IsTheFileBehindItsDescriptorWhateverThatNumberWasBefore) {
  PluginFile first = PluginFile::open(malformed_plugin("plain"));
  const int number = first.fd();
  const auto plain = LoadedPlugin::load(number, "plain.so");
  const PluginFile second = PluginFile::open(malformed_plugin("newer_sdk"));
  ASSERT_EQ(::dup2(second.fd(), number), number);
  const auto other = LoadedPlugin::load(number, "newer_sdk.so");
  EXPECT_STREQ(plain.table().name, "plain");
  EXPECT_NE(&other.table(), &plain.table());
  EXPECT_EQ(&LoadedPlugin::load(second.fd(), "newer_sdk.so").table(), &other.table()) << "the same file again";
}

TEST(LoadedPlugin, FindsALibraryBesideAPluginWithAnOriginRunPath) {
  const Loaded loaded = load(malformed_plugin("origin"));
  EXPECT_STREQ(loaded.plugin.table().name, "origin");
}

TEST(LoadedPlugin, RefusesAPluginWithAnOriginRunPathThatWasReplaced) {
  const ScratchFolder folder;
  const auto path = folder.write("origin.so", bytes_of(malformed_plugin("origin")));
  const PluginFile file = PluginFile::open(path);
  std::filesystem::rename(folder.write("new.so", bytes_of(malformed_plugin("plain"))), path);
  const auto error = plugin_error_of([&] { (void)LoadedPlugin::load(file.fd(), path.string()); });
  EXPECT_EQ(error.reason, Reason::kCannotLoad);
  EXPECT_THAT(error.text, HasSubstr("was replaced after it was checked"));
}

TEST(LoadedPlugin, KeepsItsSymbolsToItself) {
  (void)load(malformed_plugin("plain"));
  EXPECT_EQ(::dlsym(RTLD_DEFAULT, BULKHEAD_ENTRY_POINT_NAME), nullptr);
}

TEST(LoadedPlugin, TellsTheLoadersOwnReasonAboutTheFileAsItWasNamed) {
  const auto error = error_of_loading("undefined_symbol");
  EXPECT_EQ(error.reason, Reason::kCannotLoad);
  EXPECT_THAT(error.text, HasSubstr("undefined symbol: bulkhead_test_nobody_defines_this"));
  EXPECT_THAT(error.text, HasSubstr("undefined_symbol.so"));
  EXPECT_THAT(error.text, Not(HasSubstr("/proc/self/fd")));
}

TEST(LoadedPlugin, RefusesAPluginWithoutAnEntryPointOrTable) {
  EXPECT_EQ(error_of_loading("no_entry_point").reason, Reason::kNotAPlugin);
  EXPECT_EQ(error_of_loading("no_table").reason, Reason::kInconsistent);
}

TEST(LoadedPlugin, RefusesATableOfAnotherAbi) {
  const auto error = error_of_loading("wrong_table_abi");
  EXPECT_EQ(error.reason, Reason::kWrongAbi);
  EXPECT_THAT(error.text, HasSubstr("built for ABI 2, this engine has 1"));
  EXPECT_EQ(error_of_loading("required_table_flag").reason, Reason::kWrongAbi);
}

TEST(LoadedPlugin, RefusesTablesThatCannotBe) {
  for (const char* name : {"short_table", "short_stride", "no_function", "no_task_name", "too_many_tasks"}) {
    EXPECT_EQ(error_of_loading(name).reason, Reason::kInconsistent) << name;
  }
}

TEST(Describe, TellsWhatTheTableHolds) {
  const Loaded loaded = load(malformed_plugin("plain"));
  const PluginEntry entry = describe(loaded.plugin, "shown.so");
  EXPECT_EQ(entry.name, "plain");
  EXPECT_EQ(entry.path, "shown.so");
  ASSERT_EQ(entry.tasks.size(), 2U);
  EXPECT_EQ(entry.tasks[0].name, "plain.add");
  EXPECT_EQ(entry.tasks[0].shape, 77U);
  EXPECT_EQ(entry.tasks[0].timeout, 5s);
  EXPECT_EQ(entry.tasks[1].task_index, 1U);
}

TEST(CheckSame, AcceptsATableThatIsWhatItsNoteSays) {
  const Loaded loaded = load(malformed_plugin("plain"));
  EXPECT_NO_THROW(check_same(loaded.note, describe(loaded.plugin, "plain.so")));
}

TEST(CheckSame, RefusesATableThatIsNot) {
  const Loaded loaded = load(malformed_plugin("lying_table"));
  const auto error = plugin_error_of([&] { check_same(loaded.note, describe(loaded.plugin, "x.so")); });
  EXPECT_EQ(error.reason, Reason::kInconsistent);
  EXPECT_THAT(error.text, HasSubstr("the signatures of task \"lying_table.add\" differ"));
}

TEST(CheckSame, SeesEveryDifference) {
  const PluginEntry note = PluginFile::open(malformed_plugin("plain")).entry();
  using Change = void (*)(PluginEntry&);
  for (const Change change : {
           Change{[](PluginEntry& entry) { entry.name += "x"; }},
           Change{[](PluginEntry& entry) { entry.version += "x"; }},
           Change{[](PluginEntry& entry) { entry.abi_minor += 1; }},
           Change{[](PluginEntry& entry) { entry.tasks.pop_back(); }},
           Change{[](PluginEntry& entry) { entry.tasks[0].name += "x"; }},
           Change{[](PluginEntry& entry) { entry.tasks[0].signature += "x"; }},
           Change{[](PluginEntry& entry) { entry.tasks[0].param_names.clear(); }},
           Change{[](PluginEntry& entry) { entry.tasks[0].codecs = 1; }},
           Change{[](PluginEntry& entry) { entry.tasks[0].flags = 0; }},
           Change{[](PluginEntry& entry) { entry.tasks[0].required_flags = 1; }},
           Change{[](PluginEntry& entry) { entry.tasks[0].retries = 9; }},
           Change{[](PluginEntry& entry) { entry.tasks[0].timeout = 9s; }},
           Change{[](PluginEntry& entry) { entry.tasks[0].soft_timeout = 9s; }},
       }) {
    PluginEntry loaded = note;
    change(loaded);
    EXPECT_EQ(plugin_error_of([&] { check_same(note, loaded); }).reason, Reason::kInconsistent);
  }
}

}  // namespace
}  // namespace bulkhead::plugin
