// Plugins through their C table: every form of entry, every outcome.
#include <bulkhead/sdk/json_archive.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "fake_worker.hpp"
#include "shared_types.hpp"

namespace bulkhead::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr const char* kForms = BULKHEAD_SDK_TEST_PLUGINS "/sdk_forms.so";
constexpr const char* kMinimal = BULKHEAD_SDK_TEST_PLUGINS "/sdk_minimal.so";
constexpr const char* kC = BULKHEAD_SDK_TEST_PLUGINS "/sdk_c.so";
constexpr const char* kStripped = BULKHEAD_SDK_TEST_PLUGINS "/sdk_stripped.so";
constexpr const char* kMany = BULKHEAD_SDK_TEST_PLUGINS "/sdk_many_tasks.so";

TEST(Plugin, ThreeLinesMakeATask) {
  FakeWorker worker(kMinimal);
  ASSERT_NE(worker.plugin(), nullptr);
  EXPECT_EQ(worker.plugin()->abi_major, BULKHEAD_ABI_MAJOR);
  EXPECT_EQ(worker.plugin()->size, sizeof(bulkhead_plugin));
  EXPECT_EQ(worker.plugin()->task_stride, sizeof(bulkhead_task));
  EXPECT_STREQ(worker.plugin()->name, "minimal");
  EXPECT_STREQ(worker.plugin()->version, "1.0.0");
  ASSERT_EQ(worker.plugin()->task_count, 1U);
  EXPECT_STREQ(worker.plugin()->tasks[0].name, "add");
  EXPECT_STREQ(worker.plugin()->tasks[0].signature, "(i64,i64)->i64");
  EXPECT_EQ(worker.load(), BULKHEAD_OK);
  EXPECT_EQ((worker.call<std::int64_t>("add", std::int64_t{2}, std::int64_t{3})), 5);
}

TEST(Plugin, WorksAfterLinkTimeOptimisationAndStripping) {
  FakeWorker worker(kStripped);
  EXPECT_EQ((worker.call<std::int64_t>("add", std::int64_t{2}, std::int64_t{3})), 5);
}

TEST(Plugin, HoldsHundredsOfTasks) {
  FakeWorker worker(kMany);
  EXPECT_EQ(worker.plugin()->task_count, 300U);
  EXPECT_EQ((worker.call<int>("f300", 1, "ab")), 303);
}

TEST(Plugin, IsWrittenInPlainCToo) {
  FakeWorker worker(kC);
  EXPECT_EQ(worker.load(), BULKHEAD_OK);
  EXPECT_EQ((worker.call<std::int64_t>("twice", std::int64_t{21})), 42);
  EXPECT_EQ(worker.run("twice", "short").outcome, BULKHEAD_DECODE_FAILED);
}

class Forms : public ::testing::Test {
 protected:
  FakeWorker worker_{kForms};
};

TEST_F(Forms, NamesTasksAsTheyAreSpelledOrTold) {
  std::set<std::string> names;
  for (std::uint64_t i = 0; i < worker_.plugin()->task_count; ++i) names.insert(worker_.plugin()->tasks[i].name);
  for (const char* name :
       {"add", "local", "square", "counter", "times", "twice_i", "convert_ld", "scan_i", "scan_s", "less", "named"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
  EXPECT_EQ(names.size(), worker_.plugin()->task_count);
}

TEST_F(Forms, CallsFunctionsLambdasOverloadsAndTemplates) {
  EXPECT_EQ((worker_.call<int>("add", 2, 3)), 5);
  EXPECT_EQ((worker_.call<double>("local", 2.5)), 2.5);
  EXPECT_EQ((worker_.call<long>("square", 7L)), 49);
  EXPECT_EQ((worker_.call<int>("twice_i", 4)), 8);
  EXPECT_EQ((worker_.call<double>("convert_ld", 4L)), 4.0);
  EXPECT_EQ((worker_.call<int>("scan_i", 4)), 4);
  EXPECT_EQ((worker_.call<int>("scan_s", "four")), 4);
  EXPECT_EQ((worker_.call<bool>("less", 1, 2)), true);
  EXPECT_EQ((worker_.call<int>("times", 4)), 12);
}

TEST_F(Forms, PassesViewsReferencesAndRvalues) {
  EXPECT_EQ((worker_.call<std::size_t>("count", "abc", std::vector<double>{1, 2}, ',')), 105U);
  EXPECT_EQ((worker_.call<std::string>("ref", "abc")), "abc");
  EXPECT_EQ((worker_.call<std::string>("head", "abc")), "a");
  EXPECT_EQ((worker_.call<std::vector<int>>("tail", std::vector<int>{1, 2, 3})), (std::vector<int>{2, 3}));
  const std::vector<std::map<std::string, std::variant<std::monostate, double, std::vector<zoo::Point>>>> nested = {
      {{"a", std::monostate{}}, {"b", std::vector<zoo::Point>{{1, 2}}}}};
  EXPECT_EQ((worker_.call<std::remove_const_t<decltype(nested)>>("nested", nested)), nested);
  zoo::Chain chain{1, std::make_unique<zoo::Chain>(zoo::Chain{2, nullptr})};
  EXPECT_EQ((worker_.call<zoo::Chain>("chain", chain).value), 3);
  EXPECT_EQ((worker_.call<zoo::Colour>("next_colour", zoo::Colour::kRed)), zoo::Colour::kGreen);
  worker_.call<void>("nothing");
  EXPECT_EQ(worker_.last().bytes, "");
}

TEST_F(Forms, DescribesTasksInTheTable) {
  const bulkhead_task* counter = worker_.task("counter");
  EXPECT_STREQ(counter->doc, "counts, by \"step\"\tand so on\n");
  EXPECT_EQ(counter->timeout_ns, 5'000'000'000);
  EXPECT_EQ(counter->flags, static_cast<std::uint32_t>(BULKHEAD_TASK_IDEMPOTENT));
  EXPECT_STREQ(counter->signature, "()->i32");
  EXPECT_STREQ(counter->param_names, "");
  const bulkhead_task* named = worker_.task("named");
  EXPECT_STREQ(named->signature, "(i32,optional<i32>,optional<i32>)->i32");
  EXPECT_STREQ(named->param_names, "a,b,c");
  EXPECT_EQ(named->retries, 2);
  EXPECT_EQ(named->soft_timeout_ns, 1'500'000'000);
  EXPECT_EQ(named->create, nullptr);
  const bulkhead_task* add = worker_.task("add");
  EXPECT_STREQ(add->doc, "");
  EXPECT_EQ(add->retries, -1);
  EXPECT_EQ(add->timeout_ns, 0);
  EXPECT_EQ(add->shape, 0U);
  EXPECT_EQ(add->codecs, static_cast<std::uint32_t>(BULKHEAD_CODEC_BINARY | BULKHEAD_CODEC_JSON));
  EXPECT_EQ(worker_.task("chain")->shape, (sdk::shape_hash<zoo::Chain, zoo::Chain>()));
}

TEST_F(Forms, RunsEveryInitialiserOnceAtLoad) {
  const int before = worker_.call<int>("load_count");
  EXPECT_EQ(worker_.load(), BULKHEAD_OK);
  EXPECT_EQ(worker_.call<int>("load_count"), before + 2);
}

TEST_F(Forms, TellsWhyAnInitialiserFailed) {
  worker_.config = R"({"refuse": true})";
  EXPECT_EQ(worker_.load(), BULKHEAD_INIT_FAILED);
  worker_.call().end_item(&worker_, BULKHEAD_INIT_FAILED);
  EXPECT_EQ(worker_.last().failure_type, "std::runtime_error");
  EXPECT_EQ(worker_.last().failure_text, "refused by configuration");
}

TEST_F(Forms, MakesOneStateAndKeepsItBetweenCalls) {
  worker_.load();
  worker_.config = R"({"step": 10})";
  EXPECT_EQ(worker_.call<int>("counter"), 10);
  EXPECT_EQ(worker_.call<int>("counter"), 20);
  EXPECT_EQ(worker_.call<int>("alive"), 1);
  EXPECT_THAT(worker_.log, ElementsAre(Pair(BULKHEAD_LOG_DEBUG, "made with step 10")));
  worker_.destroy_states();
  EXPECT_EQ(worker_.call<int>("alive"), 0);
}

TEST_F(Forms, TriesToMakeAStateAgainAfterAFailure) {
  worker_.config = R"({"step": 0})";
  EXPECT_EQ(worker_.invoke("counter", {}, 0), BULKHEAD_INIT_FAILED);
  EXPECT_EQ(worker_.last().outcome, BULKHEAD_INIT_FAILED);
  EXPECT_EQ(worker_.last().failure_type, "std::invalid_argument");
  EXPECT_EQ(worker_.last().failure_text, "step is 0");
  worker_.config = "{}";
  EXPECT_EQ(worker_.call<int>("counter"), 1);
}

TEST_F(Forms, TellsWhatIsWrongWithTheConfiguration) {
  EXPECT_EQ(worker_.invoke("needs_model", {}, 0), BULKHEAD_INIT_FAILED);
  EXPECT_THAT(worker_.last().failure_text, HasSubstr("has no \"model\""));
  worker_.config = R"({"model": 5})";
  EXPECT_EQ(worker_.invoke("needs_model", {}, 0), BULKHEAD_INIT_FAILED);
  EXPECT_EQ(worker_.last().failure_text, "config \"model\": expected string, got 5");
  worker_.config = R"({"model": "small"})";
  EXPECT_EQ(worker_.call<std::string>("needs_model"), "small");
}

TEST_F(Forms, TellsTypeTextAndCausesOfFailures) {
  EXPECT_EQ(worker_.run_binary("fail_domain").outcome, BULKHEAD_TASK_FAILED);
  EXPECT_EQ(worker_.last().failure_type, "std::domain_error");
  EXPECT_EQ(worker_.last().failure_text, "below zero");
  EXPECT_EQ(worker_.last().failure_detail, "");
  worker_.run_binary("fail_system");
  EXPECT_EQ(worker_.last().failure_type, "std::system_error");
  EXPECT_EQ(worker_.last().failure_detail, R"({"category":"generic","code":2})");
  worker_.run_binary("fail_nested");
  EXPECT_EQ(worker_.last().failure_text, "outer");
  EXPECT_THAT(worker_.last().failure_detail, HasSubstr(R"("text":"middle"},)"));
  EXPECT_THAT(worker_.last().failure_detail, HasSubstr(R"({"type":"std::out_of_range","text":"inner"}]})"));
  worker_.run_binary("fail_number");
  EXPECT_EQ(worker_.last().outcome, BULKHEAD_TASK_FAILED);
  EXPECT_EQ(worker_.last().failure_type, "int");
}

TEST_F(Forms, RefusesBytesThatAreNotTheArguments) {
  EXPECT_EQ(worker_.run("add", "abc").outcome, BULKHEAD_DECODE_FAILED);
  EXPECT_EQ(worker_.last().failure_type, "bulkhead::DecodeError");
  EXPECT_EQ(worker_.run("add", std::string(9, 'x')).outcome, BULKHEAD_DECODE_FAILED);
  EXPECT_EQ(worker_.run("nothing", "x").outcome, BULKHEAD_DECODE_FAILED);
}

TEST_F(Forms, RefusesAResultThatHasNoFormOrNoRoom) {
  EXPECT_EQ(worker_.run_binary("endless").outcome, BULKHEAD_ENCODE_FAILED);
  EXPECT_EQ(worker_.last().failure_type, "bulkhead::EncodeError");
  worker_.result_limit = 1000;
  EXPECT_EQ(worker_.run_binary("repeat", "x", 2000U).outcome, BULKHEAD_ENCODE_FAILED);
  EXPECT_THAT(worker_.last().failure_text, HasSubstr("too large"));
  EXPECT_EQ((worker_.call<std::string>("repeat", "x", 990U)).size(), 990U);
}

TEST_F(Forms, UsesRoomThatIsSmallerThanItsGuess) {
  worker_.result_limit = 4;
  EXPECT_EQ((worker_.call<int>("add", 1, 2)), 3);
}

TEST_F(Forms, RunsItemsOfOneSizeWithoutPrefixes) {
  worker_.call().item_stride = 4;
  const std::string in("\x02\0\0\0\x03\0\0\0\x04\0\0\0", 12);
  EXPECT_EQ(worker_.invoke("fail_odd", in, 3), BULKHEAD_OK);
  ASSERT_EQ(worker_.results.size(), 3U);
  EXPECT_EQ(worker_.results[0].bytes, in.substr(0, 4));
  EXPECT_EQ(worker_.results[1].outcome, BULKHEAD_TASK_FAILED);
  EXPECT_EQ(worker_.results[1].failure_text, "odd");
  EXPECT_EQ(worker_.results[2].bytes, in.substr(8, 4));
}

TEST_F(Forms, GoesOnAfterAnItemThatCannotBeDecoded) {
  worker_.call().item_stride = 0;
  std::string in("\x01\0\0\0x", 5);
  in += std::string("\x04\0\0\0\x02\0\0\0", 8);
  EXPECT_EQ(worker_.invoke("fail_odd", in, 2), BULKHEAD_OK);
  ASSERT_EQ(worker_.results.size(), 2U);
  EXPECT_EQ(worker_.results[0].outcome, BULKHEAD_DECODE_FAILED);
  EXPECT_EQ(worker_.results[1].outcome, BULKHEAD_OK);
}

TEST_F(Forms, StopsWhereTheBytesOfTheItemsEnd) {
  worker_.call().item_stride = 4;
  EXPECT_EQ(worker_.invoke("fail_odd", std::string(6, '\0'), 2), BULKHEAD_DECODE_FAILED);
  EXPECT_EQ(worker_.results.size(), 1U);
  worker_.call().item_stride = 0;
  EXPECT_EQ(worker_.invoke("fail_odd", std::string("\xff\xff\xff\xff", 4), 1), BULKHEAD_DECODE_FAILED);
  EXPECT_EQ(worker_.invoke("fail_odd", std::string("\x01", 1), 1), BULKHEAD_DECODE_FAILED);
}

TEST_F(Forms, GivesUpWhenTheWorkerSaysSo) {
  worker_.call().item_stride = 4;
  worker_.give_up_after = 2;
  EXPECT_EQ(worker_.invoke("fail_odd", std::string(40, '\0'), 10), BULKHEAD_OK);
  EXPECT_EQ(worker_.results.size(), 2U);
}

TEST_F(Forms, TellsProgressAndLogsThroughTheTable) {
  worker_.load();
  worker_.call().task_id = 77;
  worker_.call<void>("report");
  EXPECT_THAT(worker_.progress, ElementsAre("1/3 one"));
  EXPECT_THAT(worker_.log, ElementsAre(Pair(BULKHEAD_LOG_INFO, "task 77 says true")));
}

TEST_F(Forms, SeesTheStopWordTheDeadlineAndTheAttempt) {
  EXPECT_EQ(worker_.call<std::string>("stop_reason"), "none");
  EXPECT_EQ(worker_.call<std::int64_t>("deadline"), INT64_MAX);
  worker_.stop = BULKHEAD_STOP_SOFT_LIMIT;
  worker_.call().deadline_ns = 123;
  worker_.call().attempt = 4;
  EXPECT_EQ(worker_.call<std::string>("stop_reason"), "soft limit");
  EXPECT_EQ(worker_.call<std::int64_t>("deadline"), 123);
  EXPECT_EQ(worker_.call<int>("attempt"), 4);
  worker_.stop = BULKHEAD_STOP_CANCELLED;
  EXPECT_EQ(worker_.call<std::string>("stop_reason"), "cancelled");
}

TEST_F(Forms, LeavesATaskByCheckEvenThroughItsOwnHandlers) {
  EXPECT_TRUE(worker_.call<bool>("swallow_and_check"));
  worker_.stop = BULKHEAD_STOP_CANCELLED;
  EXPECT_EQ(worker_.run_binary("swallow_and_check").outcome, BULKHEAD_STOPPED);
}

TEST_F(Forms, LetsAForcedUnwindThrough) {
  bool has_returned = false;
  std::thread([&] {
    worker_.run_binary("leave_thread");
    has_returned = true;
  }).join();
  EXPECT_FALSE(has_returned);
  EXPECT_TRUE(worker_.results.empty());
}

TEST_F(Forms, SpeaksJson) {
  EXPECT_EQ(worker_.call_json("add", "[2,3]"), "5");
  EXPECT_EQ(worker_.call_json("nothing", "[]"), "null");
  EXPECT_EQ(worker_.call_json("head", R"(["abc"])"), "\"a\"");
  EXPECT_EQ(worker_.call_json("tail", "[[1,2]]"), "[2]");
  EXPECT_EQ(worker_.call_json("nested", R"([[{"a":{"list<zoo::Point>":[{"x":1,"y":2}]}}]])"),
            R"([{"a":{"list<zoo::Point>":[{"x":1.0,"y":2.0}]}}])");
  EXPECT_EQ(worker_.call_json("fail_domain", "[]"), "1 std::domain_error: below zero");
}

TEST_F(Forms, TakesJsonArgumentsByNameAndWithoutTrailingOptionals) {
  EXPECT_EQ(worker_.call_json("with_optional", "[1]"), "111");
  EXPECT_EQ(worker_.call_json("with_optional", "[1,2]"), "103");
  EXPECT_EQ(worker_.call_json("with_optional", "[1,null,3]"), "14");
  EXPECT_EQ(worker_.call_json("named", R"({"c":3,"a":1})"), "14");
  EXPECT_EQ(worker_.call_json("less", R"({"right":1,"left":0})"), "true");
}

TEST_F(Forms, SaysWhichJsonArgumentIsWrong) {
  const auto refusal = [&](const char* task, const char* json) {
    const std::string text = worker_.call_json(task, json);
    EXPECT_EQ(text.find("2 bulkhead::DecodeError: "), 0U) << text;
    return text.substr(text.find(": ") + 2);
  };
  EXPECT_EQ(refusal("add", "[2]"), "argument 2 is missing");
  EXPECT_EQ(refusal("add", "[2,3,4]"), "the task takes 2 arguments, got 3");
  EXPECT_EQ(refusal("add", "[2,\"3\"]"), "argument 2: expected integer, got string");
  EXPECT_EQ(refusal("add", "5"), "the arguments are neither an array nor an object");
  EXPECT_THAT(refusal("add", "{\"a\":1}"), HasSubstr("need the parameters' names"));
  EXPECT_EQ(refusal("less", R"({"left":1,"rigth":2})"), "argument \"right\" is missing");
  EXPECT_EQ(refusal("named", R"({"a":1,"d":2})"), "the task has no parameter \"d\"");
  EXPECT_EQ(refusal("less", R"({"left":1.5,"right":2})"), "argument \"left\": expected integer, got 1.5");
}

}  // namespace
}  // namespace bulkhead::testing
