// bulkhead chaos, without an engine: that what breaks the promise is seen and told, and the arguments it makes up.
#include <bulkhead/error.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chaos_account.hpp"
#include "chaos_report.hpp"
#include "leak_count.hpp"
#include "made_up_arguments.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>

namespace bulkhead::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ChaosAccountTest : public ::testing::Test {
 protected:
  void lose(std::uint64_t index, std::int64_t worker, int signal, int exit_code = -1) {
    try {
      detail::raise<WorkerLost>("gone", {.worker_pid = worker, .signal = signal, .exit_code = exit_code});
    } catch (const Error& error) {
      account_.add_error(index, error);
    }
  }

  // One for the program, as in the command.
  static Interrupt& interrupt() {
    static Interrupt& one = Interrupt::install();
    return one;
  }

  ChaosAccount account_{100, interrupt()};
};

TEST_F(ChaosAccountTest, CountsASecondVerdictAsADuplicateOnly) {
  account_.add_result(5);
  account_.add_result(6);
  account_.add_result(5);
  lose(6, 1, SIGSEGV);
  const auto counts = account_.counts();
  EXPECT_EQ(counts.verdicts, 2u);
  EXPECT_EQ(counts.results, 2u);
  EXPECT_EQ(counts.duplicates, 2u);
  EXPECT_THAT(counts.errors, IsEmpty());
}

TEST_F(ChaosAccountTest, GrantsEachKillOneLostCall) {
  account_.add_kill(10);
  account_.add_kill(11);
  lose(0, 10, SIGKILL);
  lose(1, 11, 0);  // how it ended is not known
  EXPECT_EQ(account_.counts().lost_to_kills, 2u);
  EXPECT_EQ(account_.counts().lost_in_excess, 0u);
  lose(2, 10, SIGKILL);
  EXPECT_EQ(account_.counts().lost_to_kills, 2u);
  EXPECT_EQ(account_.counts().lost_in_excess, 1u);
}

TEST_F(ChaosAccountTest, TellsCrashesFromKills) {
  account_.add_kill(10);
  lose(0, 12, SIGKILL);  // nobody here killed it
  lose(1, 10, SIGSEGV);
  lose(2, 10, 0, 3);
  EXPECT_EQ(account_.counts().lost_to_kills, 0u);
  EXPECT_EQ(account_.counts().lost_otherwise, 3u);
}

TEST_F(ChaosAccountTest, MeasuresFromEachKillToTheNextVerdict) {
  account_.add_result(0);
  account_.add_kill(10);
  account_.add_kill(11);
  EXPECT_THAT(account_.counts().next_verdict, IsEmpty());
  account_.add_result(1);
  account_.add_result(2);
  EXPECT_EQ(account_.counts().next_verdict.size(), 2u);
}

ChaosReport good_report() {
  ChaosReport report{.seed = 9, .tasks = 1};
  report.outcome.submitted = 10;
  report.outcome.counts.verdicts = 10;
  report.outcome.counts.results = 10;
  report.outcome.attacks.worker_kills = 2;
  return report;
}

// What the report says once `change` was made to a good one.
template <class Change>
std::string broken_after(Change change) {
  ChaosReport report = good_report();
  change(report);
  const auto json = nlohmann::json::parse(report_json(report));
  EXPECT_EQ(json["promise"], "broken");
  EXPECT_EQ(json["broken"].size(), 1u);
  const std::string text = report_text(report);
  return text.substr(text.rfind('\n', text.size() - 2) + 1);
}

TEST(ChaosReport, SaysThatThePromiseHeld) {
  EXPECT_THAT(report_text(good_report()), EndsWith("\nthe promise held\n"));
  EXPECT_EQ(nlohmann::json::parse(report_json(good_report()))["promise"], "held");
}

TEST(ChaosReport, SaysHowThePromiseIsBroken) {
  EXPECT_EQ(broken_after([](ChaosReport& report) { report.outcome.hangs = 1; }),
            "the promise is broken: 1 call has no verdict\n");
  EXPECT_EQ(broken_after([](ChaosReport& report) { report.outcome.counts.duplicates = 2; }),
            "the promise is broken: 2 second verdicts\n");
  EXPECT_THAT(broken_after([](ChaosReport& report) { report.outcome.counts.lost_in_excess = 1; }),
              HasSubstr("kills cost 1 call more than were running"));
  EXPECT_THAT(broken_after([](ChaosReport& report) { report.outcome.attacks.unrecovered = 3; }),
              HasSubstr("3 killed workers were not replaced"));
  EXPECT_THAT(broken_after([](ChaosReport& report) { report.outcome.has_ended = false; }), HasSubstr("did not end"));
  EXPECT_THAT(broken_after([](ChaosReport& report) { report.outcome.pool_failure = "no worker"; }),
              HasSubstr("the pool gave up: no worker"));
  EXPECT_THAT(broken_after([](ChaosReport& report) { report.outcome.counts.errors["PoolClosed"] = 4; }),
              HasSubstr("4 calls were told that the pool is closed"));
  EXPECT_THAT(broken_after([](ChaosReport& report) {
                report.leaks = {"process 7", "2 threads"};
              }),
              HasSubstr("left behind: process 7, 2 threads"));
}

TEST(ChaosReport, TakesClosedCallsOfAnInterruptedRunForKeptPromises) {
  ChaosReport report = good_report();
  report.outcome.signal = SIGINT;
  report.outcome.counts.errors["PoolClosed"] = 4;
  EXPECT_THAT(broken_promises(report), IsEmpty());
}

TEST(ChaosLeaks, AreTheDescriptorsThatWereNotThereBefore) {
  const LeakCount leaks;
  EXPECT_THAT(leaks.left(std::chrono::seconds(0)), IsEmpty());
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_THAT(leaks.left(std::chrono::seconds(0)), ElementsAre(HasSubstr("(/dev/null)")));
  ::close(fd);
  EXPECT_THAT(leaks.left(std::chrono::seconds(0)), IsEmpty());
}

TEST(MadeUpArguments, AreOfTheirTypes) {
  const auto made = [](const char* signature, MadeUp which) {
    return made_up_arguments(parse_signature(signature), which).value_or("none");
  };
  EXPECT_EQ(made("()->void", MadeUp::kZero), "[]");
  EXPECT_EQ(made("(i64,f64,bool,char,duration)->i64", MadeUp::kZero), R"([0,0,false,"0","0s"])");
  EXPECT_EQ(made("(i64,f64,bool,char,duration)->i64", MadeUp::kOne), R"([1,1,true,"1","1ms"])");
  EXPECT_EQ(made("(str,path,bytes,null)->str", MadeUp::kOne), R"(["","/dev/null","",null])");
  EXPECT_EQ(made("(list<str>,set<i8>,map<str,list<i64>>)->str", MadeUp::kOne), "[[],[],[]]");
  EXPECT_EQ(made("(array<tuple<i8,str>,2>)->str", MadeUp::kOne), R"([[[1,""],[1,""]]])");
  EXPECT_EQ(made("(variant<i64,str>,variant<u8,u8>)->str", MadeUp::kOne), R"([{"i64":1},{"u8#0":1}])");
  EXPECT_EQ(made("(optional<i64>,u8,optional<str>)->str", MadeUp::kOne), "[null,1]");
}

TEST(MadeUpArguments, AreNoneWhereATypeIsThePlugins) {
  EXPECT_FALSE(made_up_arguments(parse_signature("(i64,geo::Point)->f64"), MadeUp::kZero));
  EXPECT_FALSE(made_up_arguments(parse_signature("(tuple<i64,geo::Point>)->f64"), MadeUp::kZero));
  EXPECT_TRUE(made_up_arguments(parse_signature("(list<geo::Point>)->f64"), MadeUp::kZero));
}

}  // namespace
}  // namespace bulkhead::cli
