// Calls by JSON text.
#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class JsonTest : public EngineTest {};
using ::testing::HasSubstr;

TEST_F(JsonTest, TakesAnArrayOfTheArguments) {
  EXPECT_EQ(pool_.apply_json("echo.add", "[2, 3]"), "5");
  EXPECT_EQ(pool_.apply_json("echo.text", "[\"a \\u00e4\"]"), "\"a \u00e4\"");
  EXPECT_EQ(pool_.apply_json("echo.list_i64", "[[1,2,3]]"), "[1,2,3]");
  EXPECT_EQ(pool_.apply_json("echo.point", "[{\"x\":1.5,\"y\":2}]"), "{\"x\":1.5,\"y\":2.0}");
  EXPECT_EQ(pool_.apply_json("echo.optional_i64", "[null]"), "null");
  EXPECT_EQ(pool_.apply_json("echo.map_text_i64", "[{\"a\":1}]"), "{\"a\":1}");
  EXPECT_EQ(pool_.apply_json("echo.nothing", "[]"), "null");
}

TEST_F(JsonTest, TakesAnObjectByParameterNames) { EXPECT_EQ(pool_.apply_json("echo.i64", "{\"value\": 7}"), "7"); }

TEST_F(JsonTest, LeavesTrailingOptionalsOut) {
  EXPECT_EQ(pool_.apply_json("echo.greet", "[\"you\"]"), "\"hello you;\"");
}

TEST_F(JsonTest, RefusesWhatIsNoJsonOrOfOtherTypes) {
  for (const char* wrong : {"", "nonsense", "[2", "[2, 3", "[2, \"3\"]", "[2]", "[2,3,4]", "[2.5, 3]", "{\"c\":1}",
                            "[2, 18446744073709551616]", "[2,3] x"}) {
    const auto result = pool_.apply_json_async("echo.add", wrong);
    result.wait();
    ASSERT_FALSE(result.successful()) << wrong;
    const auto text = text_thrown<PayloadError>([&] { (void)result.get(); });
    EXPECT_THAT(text, HasSubstr("echo.add")) << wrong;
  }
  EXPECT_EQ(pool_.apply_json("echo.add", "[2, 3]"), "5");
}

TEST_F(JsonTest, ThrowsWhatTheTaskThrows) {
  EXPECT_THROW((void)pool_.apply_json("echo.positive", "[-1]"), std::domain_error);
  EXPECT_THROW((void)pool_.apply_json("misbehave.segv", "[]"), WorkerLost);
  EXPECT_THROW((void)pool_.apply_json("echo.unknown", "[]"), TaskNotFound);
}

TEST_F(JsonTest, CallsBack) {
  std::string seen;
  pool_.apply_json_async("echo.add", "[2, 3]", {.on_result = [&](const std::string& text) { seen = text; }}).wait();
  EXPECT_EQ(seen, "5");
}

TEST_F(JsonTest, GivesEachOfSeveralCallsItsVerdict) {
  const std::vector<std::string> calls{"[1]", "[-1]", "nonsense", "[3]"};
  // With retries each call travels in a record of its own.
  for (const int retries : {0, 1}) {
    int called_back = 0;
    const auto result =
        pool_.map_json_async("echo.positive", calls, {.retries = retries, .on_result = [&] { ++called_back; }});
    const auto outcomes = result.get();
    EXPECT_EQ(called_back, 1);
    ASSERT_EQ(outcomes.size(), 4u);
    EXPECT_EQ(outcomes[0].result, "1");
    EXPECT_THROW(std::rethrow_exception(outcomes[1].error), std::domain_error);
    EXPECT_THROW(std::rethrow_exception(outcomes[2].error), PayloadError);
    EXPECT_EQ(outcomes[3].result, "3");
    EXPECT_FALSE(outcomes[3].error);
  }
}

TEST_F(JsonTest, RefusesTermsThatMakeNoSense) {
  const std::vector<std::string> calls{"[1]"};
  EXPECT_THROW((void)pool_.map_json_async("echo.i64", calls, {.retries = -1}), UsageError);
  EXPECT_THROW((void)pool_.map_json_async("echo.i64", calls, {.priority = 8}), UsageError);
  EXPECT_THROW((void)pool_.map_json_async("echo.i64", {}), UsageError);
}

TEST_F(JsonTest, CarriesLargeTexts) {
  const std::string text(3 << 20, 'x');
  EXPECT_EQ(pool_.apply_json("echo.text", "[\"" + text + "\"]"), '"' + text + '"');
}

}  // namespace
}  // namespace bulkhead::test
