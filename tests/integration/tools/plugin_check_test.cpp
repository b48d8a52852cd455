// bulkhead plugin inspect and check: what they find, and that nobody is harmed by it.
#include <nlohmann/json.hpp>

#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string malformed(const std::string& name) { return std::string(BULKHEAD_MALFORMED_PLUGINS) + "/" + name + ".so"; }

class PluginInspect : public CommandTest {};

TEST_F(PluginInspect, TellsWhatTheFileSays) {
  const auto shown = run({"plugin", "inspect", fixture("rude")});
  EXPECT_EQ(shown.ended.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, AllOf(HasSubstr("rude 1.0.0\n"), HasSubstr("ABI 1.2"), HasSubstr("libc.so.6"),
                               HasSubstr("rude_function"), HasSubstr("Shared<int>::value"),
                               HasSubstr("rude.count  (str)->i32\n"), HasSubstr("rude.count(\"four\") = 4\n")));
}

TEST_F(PluginInspect, GivesJson) {
  const auto shown = run({"plugin", "inspect", "--json", fixture("rude")});
  ASSERT_EQ(shown.ended.exit_code, 0) << shown.err;
  const auto info = json::parse(shown.out);
  EXPECT_EQ(info["name"], "rude");
  EXPECT_EQ(info["abi"], json::parse("[1,2]"));
  EXPECT_EQ(info["sha256"].get<std::string>().size(), 64u);
  EXPECT_EQ(info["unique"], json::array({"Shared<int>::value"}));
  EXPECT_EQ(info["tasks"][0]["examples"][0], json::parse(R"({"arguments":["four"],"result":4})"));
}

TEST_F(PluginInspect, RunsNothing) {
  const auto shown = run({"plugin", "inspect", malformed("aborts_on_load")});
  EXPECT_EQ(shown.ended.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("aborts_on_load"));
}

TEST_F(PluginInspect, RefusesWhatIsNoPlugin) {
  expect_one_error(run({"plugin", "inspect", malformed("not_a_plugin")}), 3, "it is not a Bulkhead plugin");
  expect_one_error(run({"plugin", "inspect", path("missing.so")}), 3, "there is no such file");
  EXPECT_EQ(run({"plugin", "inspect"}).ended.exit_code, 2);
  EXPECT_EQ(run({"plugin"}).ended.exit_code, 2);
}

class PluginCheck : public CommandTest {
 protected:
  [[nodiscard]] static std::string good_plugin() {
    return std::filesystem::path(std::getenv("BULKHEAD_PLUGIN_PATH")) / "math.so";
  }
};

TEST_F(PluginCheck, CallsEveryExample) {
  const auto checked = run({"plugin", "check", good_plugin()});
  EXPECT_EQ(checked.ended.exit_code, 0) << checked.out << checked.err;
  EXPECT_EQ(checked.err, "");
  EXPECT_THAT(checked.out, AllOf(HasSubstr("ok       libraries: "), HasSubstr(": found\n"),
                                 HasSubstr("none undefined, only the entry point exported"),
                                 HasSubstr("ok       math.sqrt: (f64)->f64, 1 example\n"),
                                 HasSubstr("\nmath 1.0.0 can be used\n"), Not(HasSubstr("warning"))));
}

TEST_F(PluginCheck, TellsWhatExamplesDoNotHoldAndOfBadManners) {
  const auto checked = run({"plugin", "check", fixture("rude")});
  EXPECT_EQ(checked.ended.exit_code, 1) << checked.out << checked.err;
  EXPECT_THAT(
      checked.out,
      AllOf(HasSubstr("warning  symbols: exports 2 symbols beside its entry point: Shared<int>::value, rude_function"),
            HasSubstr("warning  symbols: shares 1 symbol with every plugin"),
            HasSubstr("warning  loading: constructors started 1 thread "),
            HasSubstr("warning  loading: wrote 24 bytes to standard output"), HasSubstr("loading the rude plugin")));
  EXPECT_THAT(checked.out, AllOf(HasSubstr("error    rude.count(\"three\"): returned 5, the example says 4\n"),
                                 HasSubstr("error    rude.crash(): "), HasSubstr("SIGABRT"),
                                 HasSubstr("error    rude.word(): returned \"nothing\", the example says \"good\"\n"),
                                 HasSubstr("rude.sleep: (i32)->void, no example\n"),
                                 HasSubstr("\nrude 1.0.0: 3 of 4 examples failed\n")));
}

TEST_F(PluginCheck, GivesThePluginItsConfiguration) {
  const auto checked = run({"plugin", "check", "--json", "--config", R"({"word":"good"})", fixture("rude")});
  ASSERT_EQ(checked.ended.exit_code, 1) << checked.err;
  const auto report = json::parse(checked.out);
  EXPECT_TRUE(report["can_be_used"].get<bool>());
  ASSERT_EQ(report["examples"].size(), 4u);
  EXPECT_TRUE(report["examples"][3]["holds"].get<bool>()) << report["examples"][3];
  EXPECT_EQ(report["load"]["threads"], 1);
  EXPECT_EQ(report["load"]["output_bytes"], 24);
  EXPECT_GT(report["load"]["resident_bytes"].get<std::int64_t>(), 0);
  expect_one_error(run({"plugin", "check", "--config", "[1]", fixture("rude")}), 2, "--config must be a JSON object");
}

TEST_F(PluginCheck, NamesUndefinedSymbols) {
  const auto checked = run({"plugin", "check", malformed("undefined_symbol")});
  EXPECT_EQ(checked.ended.exit_code, 3) << checked.err;
  EXPECT_THAT(checked.out, AllOf(HasSubstr("error    symbols: undefined: bulkhead_test_nobody_defines_this "),
                                 HasSubstr("undefined_symbol 1.2.3 cannot be used\n")));
}

TEST_F(PluginCheck, NamesLibrariesThatAreNotFound) {
  // Without the helper beside it.
  const auto alone = write("origin.so", read_file(malformed("origin")));
  const auto checked = run({"plugin", "check", alone});
  EXPECT_EQ(checked.ended.exit_code, 3) << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("error    libraries: not found: liborigin_helper.so "));
}

TEST_F(PluginCheck, SurvivesAPluginThatDiesWhileItIsLoaded) {
  const auto checked = run({"plugin", "check", malformed("aborts_on_load")});
  EXPECT_EQ(checked.ended.exit_code, 3) << checked.err;
  EXPECT_THAT(checked.out,
              HasSubstr("error    loading: the process was killed by signal 6 (Aborted) while it was loaded"));
}

TEST_F(PluginCheck, RefusesWhatIsNoPlugin) {
  expect_one_error(run({"plugin", "check", malformed("not_a_plugin")}), 3, "it is not a Bulkhead plugin");
  expect_one_error(run({"plugin", "check", malformed("wrong_abi")}), 3, "ABI");
}

}  // namespace
}  // namespace bulkhead::test
