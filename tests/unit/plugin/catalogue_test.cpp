#include "plugin/catalogue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin/catalogue_note.hpp"
#include "plugin_testing.hpp"

namespace bulkhead::plugin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PluginEntry plugin_of(const std::string& name, const std::vector<std::string>& tasks) {
  std::string text = "bulkhead\t1\t0\t0\t0\nplugin\t" + name + "\t2.0\t0.1.0\tg++\n";
  for (const std::string& task : tasks) {
    text += "task\t" + task + "\t(i64)->i64\t3\t0\t0\t-1\t0\t0\tx\tdoc of " + task + "\n";
  }
  return parse_note(text, name + ".so");
}

TaskNotFound::Info not_found(const Catalogue& catalogue, std::string_view name, std::string& text) {
  try {
    (void)catalogue.at_or_throw(name);
  } catch (const TaskNotFound& error) {
    text = error.what();
    return error.info();
  }
  ADD_FAILURE() << "found " << name;
  return {};
}

TEST(Catalogue, FindsTasksOfEveryPluginByTheirFullName) {
  Catalogue catalogue;
  EXPECT_EQ(catalogue.add(plugin_of("math", {"add", "sub"})), 0U);
  EXPECT_EQ(catalogue.add(plugin_of("img", {"resize"})), 1U);
  const TaskEntry* task = catalogue.find("math.sub");
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task->plugin_index, 0U);
  EXPECT_EQ(task->task_index, 1U);
  EXPECT_EQ(catalogue.at_or_throw("img.resize").plugin_index, 1U);
  EXPECT_EQ(catalogue.find("sub"), nullptr);
}

TEST(Catalogue, KeepsPointersToTasksWhilePluginsAreAdded) {
  Catalogue catalogue;
  catalogue.add(plugin_of("first", {"task"}));
  const TaskEntry* task = catalogue.find("first.task");
  for (int i = 0; i < 50; ++i) catalogue.add(plugin_of("p" + std::to_string(i), {"task"}));
  EXPECT_EQ(catalogue.find("first.task"), task);
  const Catalogue moved = std::move(catalogue);
  EXPECT_EQ(moved.find("first.task"), task);
  EXPECT_EQ(task->name, "first.task");
}

TEST(Catalogue, RefusesASecondPluginOfOneNameAndNamesBothFiles) {
  Catalogue catalogue;
  catalogue.add(plugin_of("math", {"add"}));
  PluginEntry other = plugin_of("math", {"sub"});
  other.path = "other/math.so";
  const auto error = plugin_error_of([&] { catalogue.add(std::move(other)); });
  EXPECT_EQ(error.reason, PluginError::Reason::kDuplicate);
  EXPECT_THAT(error.text, HasSubstr("\"math.so\" and \"other/math.so\""));
  EXPECT_EQ(catalogue.find("math.sub"), nullptr);
}

TEST(Catalogue, OffersTheNearestNames) {
  Catalogue catalogue;
  catalogue.add(plugin_of("math", {"add", "divide"}));
  std::string text;
  EXPECT_THAT(not_found(catalogue, "math.devide", text).nearest, ElementsAre("math.divide"));
  EXPECT_EQ(text, "no task \"math.devide\" (did you mean \"math.divide\"?)");
}

TEST(Catalogue, SaysWhichPluginsThereAreWhenTheNamedOneIsNot) {
  Catalogue catalogue;
  catalogue.add(plugin_of("math", {"add"}));
  std::string text;
  EXPECT_THAT(not_found(catalogue, "video.encode", text).nearest, IsEmpty());
  EXPECT_EQ(text, "no task \"video.encode\": no plugin \"video\" is loaded (loaded: \"math\")");
}

TEST(Catalogue, SaysWhenThePluginHasNothingLikeIt) {
  Catalogue catalogue;
  catalogue.add(plugin_of("math", {"add"}));
  std::string text;
  (void)not_found(catalogue, "math.logarithm", text);
  EXPECT_THAT(text, HasSubstr("plugin \"math\" has none like it"));
}

TEST(Catalogue, SaysWhenNothingIsLoaded) {
  std::string text;
  (void)not_found(Catalogue(), "math.add", text);
  EXPECT_THAT(text, HasSubstr("no plugin is loaded"));
}

TEST(Catalogue, RefusesOnlyTheTaskThatNeedsANewerEngine) {
  Catalogue catalogue;
  PluginEntry plugin = plugin_of("math", {"add", "later"});
  plugin.tasks[1].required_flags = 8;
  catalogue.add(std::move(plugin));
  EXPECT_EQ(catalogue.at_or_throw("math.add").name, "math.add");
  const auto error = plugin_error_of([&] { (void)catalogue.at_or_throw("math.later"); });
  EXPECT_EQ(error.reason, PluginError::Reason::kWrongAbi);
}

TEST(Catalogue, TakesShapesOver) {
  Catalogue catalogue;
  catalogue.add(plugin_of("math", {"add", "sub"}));
  PluginEntry loaded = plugin_of("math", {"add", "sub"});
  loaded.tasks[1].shape = 42;
  catalogue.set_shapes(0, loaded);
  EXPECT_EQ(catalogue.find("math.add")->shape, 0U);
  EXPECT_EQ(catalogue.find("math.sub")->shape, 42U);
}

TEST(Catalogue, ListsTasksForUsersInTheOrderOfTheirPlugins) {
  Catalogue catalogue;
  catalogue.add(plugin_of("zoo", {"b", "a"}));
  catalogue.add(plugin_of("art", {"c"}));
  const std::vector<CatalogEntry> entries = catalog_entries(catalogue);
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].name, "zoo.b");
  EXPECT_EQ(entries[1].name, "zoo.a");
  EXPECT_EQ(entries[2].name, "art.c");
  EXPECT_EQ(entries[2].plugin, "art");
  EXPECT_EQ(entries[2].version, "2.0");
  EXPECT_EQ(entries[2].signature, "(i64)->i64");
  EXPECT_EQ(entries[2].doc, "doc of c");
  EXPECT_THAT(entries[2].param_names, ElementsAre("x"));
}

}  // namespace
}  // namespace bulkhead::plugin
