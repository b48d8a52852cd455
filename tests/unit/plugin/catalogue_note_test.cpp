#include "plugin/catalogue_note.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugin_testing.hpp"

namespace bulkhead::plugin {
namespace {

using namespace std::chrono_literals;
using Reason = PluginError::Reason;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kHead = "bulkhead\t1\t0\t0\t0\nplugin\tmath\t1.2.3\t0.1.0\tg++ 12\n";
const std::string kAdd = "task\tadd\t(i64,i64)->i64\t3\t1\t0\t2\t5000000000\t7\ta,b\tadds\\ttwo\n";

CaughtPluginError error_of(const std::string& text) {
  return plugin_error_of([&] { (void)parse_note(text, "x.so"); });
}

TEST(CatalogueNote, TellsAllOfAPlugin) {
  const PluginEntry entry = parse_note(kHead + kAdd, "x.so");
  EXPECT_EQ(entry.name, "math");
  EXPECT_EQ(entry.version, "1.2.3");
  EXPECT_EQ(entry.sdk_version, "0.1.0");
  EXPECT_EQ(entry.compiler, "g++ 12");
  EXPECT_EQ(entry.abi_major, 1U);
  EXPECT_EQ(entry.abi_minor, 0U);
  EXPECT_EQ(entry.path, "x.so");
}

TEST(CatalogueNote, TellsAllOfATask) {
  const PluginEntry entry = parse_note(kHead + kAdd, "x.so");
  ASSERT_EQ(entry.tasks.size(), 1U);
  const TaskEntry& task = entry.tasks[0];
  EXPECT_EQ(task.name, "math.add");
  EXPECT_EQ(task.signature, "(i64,i64)->i64");
  EXPECT_EQ(task.doc, "adds\ttwo");
  EXPECT_THAT(task.param_names, ElementsAre("a", "b"));
  EXPECT_EQ(task.codecs, 3U);
  EXPECT_EQ(task.flags, 1U);
  EXPECT_EQ(task.required_flags, 0U);
  EXPECT_EQ(task.retries, 2);
  EXPECT_EQ(task.timeout, 5s);
  EXPECT_EQ(task.soft_timeout, 7ns);
}

TEST(CatalogueNote, TellsTheExamplesOfATask) {
  const PluginEntry entry = parse_note(kHead + kAdd + "example\t[2,3]\t5\nexample\t[\"a\\\\n\"]\t{\"x\":1}\tmore\n" +
                                           "task\tnap\t()->void\t1\t0\t0\t-1\t0\t0\t\t\n",
                                       "x.so");
  ASSERT_EQ(entry.tasks.size(), 2U);
  ASSERT_EQ(entry.tasks[0].examples.size(), 2U);
  EXPECT_EQ(entry.tasks[0].examples[0].arguments, "[2,3]");
  EXPECT_EQ(entry.tasks[0].examples[0].result, "5");
  EXPECT_EQ(entry.tasks[0].examples[1].arguments, R"(["a\n"])");
  EXPECT_EQ(entry.tasks[0].examples[1].result, R"({"x":1})");
  EXPECT_THAT(entry.tasks[1].examples, IsEmpty());
}

TEST(CatalogueNote, RefusesExamplesThatAreBroken) {
  EXPECT_THAT(error_of(kHead + "example\t[]\t1\n").text, HasSubstr("an example comes before the tasks"));
  EXPECT_THAT(error_of(kHead + kAdd + "example\t[]\n").text, HasSubstr("it has 2 fields of 3"));
  EXPECT_THAT(error_of(kHead + kAdd + "example\t[]\t\"\x1b[2J\"\n").text, HasSubstr("control characters"));
}

TEST(CatalogueNote, MayHaveNoTasks) { EXPECT_THAT(parse_note(kHead, "x.so").tasks, IsEmpty()); }

TEST(CatalogueNote, NumbersTasksInTheOrderOfTheirLines) {
  const PluginEntry entry = parse_note(kHead + kAdd + "task\tnap\t()->void\t1\t0\t0\t-1\t0\t0\t\t\n", "x.so");
  ASSERT_EQ(entry.tasks.size(), 2U);
  EXPECT_EQ(entry.tasks[1].task_index, 1U);
  EXPECT_EQ(entry.tasks[1].retries, -1);
  EXPECT_THAT(entry.tasks[1].param_names, IsEmpty());
}

TEST(CatalogueNote, UndoesEveryEscape) {
  const PluginEntry entry = parse_note(kHead + "task\tx\t()->void\t1\t0\t0\t-1\t0\t0\t\ta\\\\b\\tc\\nd\\re\n", "x.so");
  EXPECT_EQ(entry.tasks.at(0).doc, "a\\b\tc\nd\re");
}

TEST(CatalogueNote, IgnoresPaddingAndWhatNewerSdksAdd) {
  const std::string newer = "bulkhead\t1\t9\t0\t5\tmore\nplugin\tmath\t1\t1\tg++\tmore\ncolour\tgreen\n";
  const PluginEntry entry = parse_note(newer + std::string(3, '\0'), "x.so");
  EXPECT_EQ(entry.abi_minor, 9U);
  EXPECT_EQ(entry.name, "math");
}

TEST(CatalogueNote, OfAnotherMajorNumberIsRefusedWhateverFollows) {
  const auto error = error_of("bulkhead\t2\t0\nwhatever");
  EXPECT_EQ(error.reason, Reason::kWrongAbi);
  EXPECT_EQ(error.text,
            "cannot use plugin \"x.so\": built for ABI 2, this engine has 1 (rebuild it against the "
            "installed SDK)");
}

TEST(CatalogueNote, WithAnUnknownRequiredFlagIsRefused) {
  EXPECT_EQ(error_of("bulkhead\t1\t0\t4\t0\n").reason, Reason::kWrongAbi);
}

TEST(CatalogueNote, OfSomethingElseIsNoPlugin) {
  EXPECT_EQ(error_of("").reason, Reason::kNotAPlugin);
  EXPECT_EQ(error_of("hello\n").reason, Reason::kNotAPlugin);
  EXPECT_EQ(error_of("bulkheads\t1\t0\t0\t0\n").reason, Reason::kNotAPlugin);
}

TEST(CatalogueNote, WithTwoTasksOfOneNameIsRefused) {
  const auto error = error_of(kHead + kAdd + kAdd);
  EXPECT_EQ(error.reason, Reason::kDuplicate);
  EXPECT_THAT(error.text, HasSubstr("two tasks called \"add\""));
}

TEST(CatalogueNote, NamesTheBrokenLine) {
  const auto error = error_of(kHead + "task\tadd\t()->void\tmany\t0\t0\t-1\t0\t0\t\t\n");
  EXPECT_EQ(error.reason, Reason::kInconsistent);
  EXPECT_THAT(error.text, HasSubstr("broken in line 3: the codec mask is not a number"));
}

TEST(CatalogueNote, WithABrokenLineIsInconsistent) {
  const std::string tail = "\t0\t-1\t0\t0\t\t\n";
  for (const std::string& text : {
           "bulkhead\t1\t0\t0\n" + std::string(),                           // a field is missing
           "bulkhead\tone\t0\t0\t0\n" + std::string(),                      // not a number
           "bulkhead\t1\t0\t0\t0\n" + std::string(),                        // no plugin line
           "bulkhead\t1\t0\t0\t0\nplugin\t1st\t1\t1\tg\n" + std::string(),  // not a name
           "bulkhead\t1\t0\t0\t0\nplugin\ta\x1b[0m\t1\t1\tg\n" + std::string(),
           "bulkhead\t1\t0\t0\t0\nplugin\ta\t1\x1b[0m\t1\tg\n" + std::string(),
           "bulkhead\t1\t0\t0\t0\n" + kAdd,                           // a task before the plugin
           kHead + "plugin\tother\t1\t1\tg\n",                        // a second plugin
           kHead + kAdd.substr(0, kAdd.size() - 1),                   // cut off
           kHead + "task\tadd\n",                                     // fields are missing
           kHead + "task\ta-b\t()->void\t1\t0" + tail,                // not a name
           kHead + "task\tx\t\t1\t0" + tail,                          // no signature
           kHead + "task\tx\t()->void\t-1\t0" + tail,                 // a negative mask
           kHead + "task\tx\t()->void\t99999999999\t0" + tail,        // too large
           kHead + "task\tx\t()->void\t1\t0\t0\t-2\t0\t0\t\t\n",      // negative retries
           kHead + "task\tx\t()->void\t1\t0\t0\t-1\t-5\t0\t\t\n",     // a negative time
           kHead + "task\tx\t()->void\t1\t0\t0\t-1\t0\t0\ta,,b\t\n",  // a name is missing
           kHead + "task\tx\t()->void\t1\t0\t0\t-1\t0\t0\ta,\t\n",
           kHead + "task\tx\t()->void\t1\t0\t0\t-1\t0\t0\t\t\\q\n",  // no such escape
           kHead + "task\tx\t()->void\t1\t0\t0\t-1\t0\t0\t\t\\\n",   // an escape of nothing
       }) {
    EXPECT_EQ(error_of(text).reason, Reason::kInconsistent) << text;
  }
}

TEST(IsName, AcceptsIdentifiersOfAtMostSixtyFourBytes) {
  EXPECT_TRUE(is_name("a"));
  EXPECT_TRUE(is_name("_Add_2"));
  EXPECT_TRUE(is_name(std::string(64, 'x')));
  EXPECT_FALSE(is_name(std::string(65, 'x')));
  EXPECT_FALSE(is_name(""));
  EXPECT_FALSE(is_name("2a"));
  EXPECT_FALSE(is_name("a.b"));
  EXPECT_FALSE(is_name("ä"));
}

}  // namespace
}  // namespace bulkhead::plugin
