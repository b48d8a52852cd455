// bulkhead chaos: what it does to workers and warden, what it reports, and its exit code.
#include <nlohmann/json.hpp>

#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class Chaos : public CommandTest {
 protected:
  // bulkhead chaos --json WORDS, which must hold.
  [[nodiscard]] json report(std::vector<std::string> words) const {
    words.insert(words.begin(), {"chaos", "--json"});
    const auto done = run(words);
    EXPECT_EQ(done.ended.exit_code, 0) << done.out << done.err;
    EXPECT_EQ(done.err, "");
    EXPECT_EQ(lines_of(done.out).size(), 1u);
    auto report = json::parse(done.out, nullptr, false);
    if (report.is_discarded()) {
      ADD_FAILURE() << "no JSON: " << done.out;
      return json::object();
    }
    EXPECT_EQ(report.value("promise", ""), "held") << done.out;
    EXPECT_EQ(number(report, "calls"), number(report, "results") + number(report, "errors")) << done.out;
    EXPECT_EQ(number(report, "duplicates"), 0);
    EXPECT_EQ(number(report, "hangs"), 0);
    EXPECT_LE(number(report, "lost_to_kills"), number(report, "worker_kills"));
    return report;
  }
  [[nodiscard]] static std::int64_t number(const json& report, const std::string& name) {
    return report.value(name, std::int64_t{-1});
  }
};

TEST_F(Chaos, KillsWorkersAndTellsThatThePromiseHeld) {
  const auto done = run({"chaos", "-p", fixture("echo"), "--calls", "3000", "--kills-per-second", "50", "--seed", "1",
                         "-j", "2", "echo.add", "2", "3"});
  EXPECT_EQ(done.ended.exit_code, 0) << done.out << done.err;
  EXPECT_EQ(done.err, "");
  EXPECT_THAT(done.out, AllOf(HasSubstr("seed:          1\n"), HasSubstr("calls:         3000 of 1 task "),
                              HasSubstr(" of workers, "), Not(HasSubstr("attacks:       0 kills")),
                              HasSubstr("duplicates:    0\n"), HasSubstr("hangs:         0\n"),
                              HasSubstr("leaks:         none\n"), HasSubstr("full strength: median ")));
  EXPECT_THAT(done.out, EndsWith("\nthe promise held\n"));
}

TEST_F(Chaos, CountsEveryCallOnceInItsJson) {
  const auto told = report({"-p", fixture("misbehave"), "--calls", "600", "--kills-per-second", "50", "--seed", "7",
                            "-j", "2", "misbehave.sleep_ms", "2"});
  EXPECT_EQ(number(told, "calls"), 600);
  EXPECT_EQ(number(told, "seed"), 7);
  EXPECT_GT(number(told, "worker_kills"), 0);
  EXPECT_GT(number(told, "lost_to_kills"), 0);
  EXPECT_EQ(told["to_full_strength"]["kills"], told["worker_kills"]);
  EXPECT_EQ(number(told, "worker_stops"), 0);
  EXPECT_EQ(number(told, "warden_kills"), 0);
}

TEST_F(Chaos, StopsWorkersAndAttacksTheWardenToo) {
  const auto told = report({"-p", fixture("misbehave"), "--calls", "300", "--kills-per-second", "60", "--seed", "3",
                            "--stop", "--warden", "-j", "2", "misbehave.sleep_ms", "3"});
  EXPECT_GT(number(told, "worker_kills"), 0);
  EXPECT_GT(number(told, "worker_stops"), 0);
  EXPECT_GT(number(told, "warden_kills") + number(told, "warden_stops"), 0);
}

TEST_F(Chaos, RetriesWhatWasKilled) {
  const auto told = report({"-p", fixture("misbehave"), "--calls", "400", "--kills-per-second", "20", "--seed", "5",
                            "--retries", "50", "-j", "2", "misbehave.sleep_ms", "2"});
  EXPECT_EQ(number(told, "results"), 400);
  EXPECT_GT(number(told, "worker_kills"), 0);
}

TEST_F(Chaos, CallsEveryTaskWhoseArgumentsCanBeMadeUp) {
  const auto told = report({"-p", fixture("echo"), "--calls", "5000", "--seed", "2", "-j", "2"});
  EXPECT_GT(number(told, "tasks"), 30);
  EXPECT_THAT(told["left_out"].dump(), AllOf(HasSubstr("echo.point"), Not(HasSubstr("echo.add"))));
  EXPECT_GT(number(told, "results"), 4000);
  // None of the arguments was of another type than its task's.
  EXPECT_EQ(told["errors_by_type"].value("PayloadError", 0), 0) << told;
}

TEST_F(Chaos, HoldsThePromiseForATaskThatCrashesByItself) {
  const auto told = report({"-p", fixture("misbehave"), "--calls", "100", "--kills-per-second", "10", "--seed", "4",
                            "-j", "2", "misbehave.leave_at_once_with", "3"});
  EXPECT_EQ(told["errors_by_type"].value("WorkerLost", 0), 100);
  EXPECT_GE(number(told, "lost_otherwise"), 100 - number(told, "worker_kills"));
}

TEST_F(Chaos, KillsNobodyWhenToldSo) {
  const auto told = report(
      {"-p", fixture("echo"), "--calls", "500", "--kills-per-second", "0", "-j", "1", "--stop", "echo.positive", "-2"});
  EXPECT_EQ(number(told, "worker_kills") + number(told, "worker_stops"), 0);
}

TEST_F(Chaos, InterruptedReportsWhatWasDone) {
  auto program =
      start({"chaos", "-p", fixture("misbehave"), "--calls", "1000000", "-j", "2", "misbehave.sleep_ms", "1"},
            "/dev/null", path("out"), path("err"));
  ASSERT_TRUE(eventually(std::chrono::seconds(60), [this] { return processes().size() >= 4; }));
  program.kill(SIGINT);
  EXPECT_EQ(program.wait().exit_code, 130);
  EXPECT_THAT(read_file(path("out")), AllOf(HasSubstr("interrupted:   after "), EndsWith("\nthe promise held\n")));
  EXPECT_EQ(read_file(path("err")), "");
}

TEST_F(Chaos, RefusesWhatMakesNoSense) {
  const auto refuse = [&](std::vector<std::string> words, const std::string& says) {
    words.insert(words.begin(), "chaos");
    expect_one_error(run(words), 2, says);
  };
  refuse({"-p", fixture("echo"), "--calls", "0"}, "--calls");
  refuse({"-p", fixture("echo"), "--kills-per-second", "-1"}, "--kills-per-second");
  refuse({"-p", fixture("echo"), "--seed", "x"}, "--seed");
  refuse({"-p", fixture("echo"), "--frequency", "5"}, "unknown option \"--frequency\"");
  refuse({"-p", fixture("echo"), "echo.ad", "1", "2"}, "did you mean \"echo.add\"");
  refuse({"-p", fixture("echo"), "echo.add", "1"}, "it takes 2 arguments, got 1");
  refuse({"-p", fixture("echo"), "echo.add", "1", "x"}, "must be JSON");
  refuse({"-p", fixture("echo"), "echo.add", "1", "[]"}, "could not decode its arguments");
  const auto threads =
      write("bulkhead.toml", "[pool]\nstart_method = \"thread\"\n[[plugin]]\npath = \"" + fixture("echo") + "\"\n");
  refuse({"-m", threads}, "cannot be killed");
  expect_one_error(run({"chaos", "-p", path("none.so")}), 3, "none.so");
}

}  // namespace
}  // namespace bulkhead::test
