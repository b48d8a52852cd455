// bulkhead doctor: what it finds, here and where something is short.
#include <nlohmann/json.hpp>

#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;

class Doctor : public CommandTest {};

TEST_F(Doctor, StartsThePoolThatIsAskedFor) {
  const auto done = run({"doctor", "-j", "3", "-p", fixture("echo")});
  EXPECT_EQ(done.ended.exit_code, 0) << done.out << done.err;
  for (const char* subject : {"processors", "waiting", "memory", "semaphores", "descriptors", "processes", "kernel"}) {
    EXPECT_THAT(done.out, HasSubstr(subject));
  }
  EXPECT_THAT(done.out, HasSubstr("trial        3 of 3 workers"));
}

TEST_F(Doctor, SpeaksJson) {
  const auto done = run({"doctor", "-j", "1", "--json"});
  EXPECT_EQ(done.ended.exit_code, 0) << done.out << done.err;
  const auto findings = nlohmann::json::parse(done.out);
  ASSERT_EQ(findings.size(), 8U);
  for (const auto& finding : findings) {
    EXPECT_NE(finding.at("verdict"), "problem") << finding;
    EXPECT_FALSE(finding.at("text").get<std::string>().empty()) << finding;
  }
}

TEST_F(Doctor, TellsThatDescriptorsAreShort) {
  // Of 1000 allowed ones, 256 workers take more.
  const auto done = run_program({"/bin/sh", "-c", "ulimit -n 1000 && exec \"$0\" doctor -j 256", BULKHEAD_PROGRAM});
  EXPECT_EQ(done.ended.exit_code, 4);
  EXPECT_THAT(done.out, HasSubstr("problem  descriptors  256 workers need about 1812 descriptors"));
  EXPECT_THAT(done.out, HasSubstr("help: ulimit -n"));
}

TEST_F(Doctor, TellsWhyNothingStarts) {
  const auto done = run({"doctor", "-j", "1", "--worker", path("nowhere")});
  EXPECT_EQ(done.ended.exit_code, 4);
  EXPECT_THAT(done.out, HasSubstr("problem  trial        cannot find the worker program"));
}

}  // namespace
}  // namespace bulkhead::test
