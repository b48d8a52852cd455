// bulkhead map --joblog --resume: nothing missing and nothing twice, whenever it was killed.
#include <sys/file.h>

#include <nlohmann/json.hpp>

#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::vector<nlohmann::json> entries_of(const std::string& log) {
  std::vector<nlohmann::json> entries;
  for (const auto& line : lines_of(log)) {
    auto entry = nlohmann::json::parse(line);
    if (entry.contains("item")) entries.push_back(std::move(entry));
  }
  return entries;
}

class Resume : public CommandTest {
 protected:
  [[nodiscard]] std::vector<std::string> words(std::vector<std::string> more) const {
    std::vector<std::string> all = {"map", "-j", "2", "--joblog", path("log"), "-o", path("out")};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  [[nodiscard]] ProgramRun positive(const std::string& input, std::vector<std::string> options = {"--resume"}) const {
    options.insert(options.begin(), {"-p", fixture("echo")});
    options.emplace_back("echo.positive");
    return run(words(options), input);
  }
  [[nodiscard]] std::string out() const { return read_file(path("out")); }
  [[nodiscard]] std::string log() const { return read_file(path("log")); }

  // Starts, kills and resumes until a run gets to its end; returns how often it was killed.
  int run_with_kills(const std::vector<std::string>& arguments, const std::string& input, std::mt19937& random) const {
    constexpr int kMostKills = 8;
    for (int kills = 0;; ++kills) {
      auto program = start(arguments, input, path("stdout"), path("err"));
      const auto before = log().size();
      const auto more = kills == kMostKills ? std::string::npos : random() % 60000;
      bool has_ended = false;
      // Until the log has grown by so much, or all is done.
      const bool is_due = eventually(seconds(120), [&] {
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(program.pid()), &info, WEXITED | WNOHANG | WNOWAIT);
        has_ended = info.si_pid != 0;
        return has_ended || (more != std::string::npos && log().size() > before + more);
      });
      EXPECT_TRUE(is_due) << read_file(path("err"));
      if (has_ended || !is_due) {
        const auto ended = program.wait();
        EXPECT_TRUE(ended.exit_code == 0 || ended.exit_code == 1) << ended.exit_code << read_file(path("err"));
        return kills;
      }
      program.kill(SIGKILL);
      (void)program.wait();
    }
  }
};

// Many quick items, each tenth of which fails however often it is run.
std::string many_items() {
  std::string items;
  for (int i = 1; i <= 20000; ++i) items += std::to_string(i % 10 == 0 ? -i : i) + '\n';
  return items;
}

TEST_F(Resume, AfterKillsGivesWhatAnUninterruptedRunGives) {
  const auto seed = std::random_device()();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto items = many_items();
  const auto whole = run({"map", "-p", fixture("echo"), "echo.positive"}, items);
  const int kills =
      run_with_kills(words({"--resume", "-p", fixture("echo"), "echo.positive"}), write("in", items), random);
  EXPECT_GT(kills, 0);
  EXPECT_TRUE(out() == whole.out) << "seed " << seed << ", " << kills << " kills";
  // Nothing that was logged as done was run again.
  std::set<std::uint64_t> done;
  for (const auto& entry : entries_of(log())) {
    if (entry.at("status") != "ok") continue;
    EXPECT_TRUE(done.insert(entry.at("item").get<std::uint64_t>()).second) << entry;
  }
  EXPECT_THAT(done, SizeIs(18000));
}

TEST_F(Resume, AfterKillsGivesEachItemOnceInAnyOrder) {
  const auto seed = std::random_device()();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto items = many_items();
  auto whole = lines_of(run({"map", "-p", fixture("echo"), "--unordered", "echo.positive"}, items).out);
  const int kills = run_with_kills(words({"--resume", "--unordered", "-p", fixture("echo"), "echo.positive"}),
                                   write("in", items), random);
  EXPECT_GT(kills, 0);
  auto lines = lines_of(out());
  std::ranges::sort(whole);
  std::ranges::sort(lines);
  EXPECT_TRUE(lines == whole) << lines.size() << " lines, seed " << seed;
}

TEST_F(Resume, LogsEveryItem) {
  EXPECT_EQ(positive("1\n-2\n", {}).ended.exit_code, 1);
  const auto entries = entries_of(log());
  ASSERT_THAT(entries, SizeIs(2));
  EXPECT_EQ(entries[0].at("item"), 0);
  EXPECT_EQ(entries[0].at("status"), "ok");
  EXPECT_EQ(entries[0].at("sha256"), "6b86b273ff34fce1");  // printf 1 | sha256sum
  EXPECT_EQ(entries[0].at("end"), 2);
  EXPECT_GE(entries[0].at("seconds").get<double>(), 0);
  EXPECT_THAT(entries[0].at("start").get<std::string>(), ::testing::MatchesRegex("20..-..-..T..:..:..\\....Z"));
  EXPECT_EQ(entries[1].at("status"), "failed");
  EXPECT_EQ(entries[1].at("error"), "TaskError");
}

TEST_F(Resume, LogsWhatGoesToStdoutToo) {
  const auto done = run({"map", "--joblog", path("log"), "-p", fixture("echo"), "echo.i64"}, "1\n2\n");
  EXPECT_EQ(done.out, "1\n2\n") << done.err;
  ASSERT_THAT(entries_of(log()), SizeIs(2));
  EXPECT_FALSE(entries_of(log())[0].contains("end"));
}

TEST_F(Resume, RunsOnlyWhatFailedAgainAndPutsItInItsPlace) {
  const auto list = [&](const std::string& name) { return path(name) + '\0'; };
  const auto items = list("a") + list("b") + list("c") + list("d");
  write("a", "abc");
  write("c", "defg");
  EXPECT_EQ(run(words({"-0", "digest.crc32"}), items).ended.exit_code, 1);
  write("b", "x");
  write("d", "yz");
  const auto done = run(words({"--resume", "--summary", "-0", "digest.crc32"}), items);
  EXPECT_EQ(done.ended.exit_code, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("2 items: 2 ok, 0 failed, 2 done before"));
  EXPECT_EQ(out(), run({"map", "-0", "digest.crc32"}, items).out);
  EXPECT_FALSE(std::filesystem::exists(path("out.bulkhead-new")));
  // Once more: there is nothing to do, and nothing changes.
  const auto before = out();
  EXPECT_EQ(run(words({"--resume", "-0", "digest.crc32"}), items).ended.exit_code, 0);
  EXPECT_EQ(out(), before);
}

TEST_F(Resume, DropsTheErrorLinesOfItemsThatSucceedLater) {
  const auto items = path("a") + '\0' + path("b") + '\0';
  write("a", "abc");
  EXPECT_EQ(run(words({"--unordered", "-0", "digest.crc32"}), items).ended.exit_code, 1);
  EXPECT_THAT(lines_of(out()), SizeIs(2));
  write("b", "x");
  EXPECT_EQ(run(words({"--resume", "--unordered", "-0", "digest.crc32"}), items).ended.exit_code, 0);
  EXPECT_THAT(lines_of(out()), ElementsAre(AllOf(HasSubstr(path("a")), HasSubstr("result")),
                                           AllOf(HasSubstr(path("b")), HasSubstr("result"))));
}

TEST_F(Resume, GoesOnWithFilesAmongWhichItsOwnAreNot) {
  write("a", "abc");
  write("b", "x");
  const auto files = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--files", path(""), "digest.crc32"});
    return run(words(more));
  };
  EXPECT_EQ(files({}).ended.exit_code, 0);
  write("z", "last");
  EXPECT_EQ(files({"--resume"}).ended.exit_code, 0);
  EXPECT_THAT(lines_of(out()), ElementsAre(HasSubstr("/a\""), HasSubstr("/b\""), HasSubstr("/z\"")));
  EXPECT_THAT(entries_of(log()), SizeIs(3));
}

TEST_F(Resume, TakesItemsThatWereAddedAtTheEnd) {
  EXPECT_EQ(positive("1\n2\n").ended.exit_code, 0);
  EXPECT_EQ(positive("1\n2\n3\n").ended.exit_code, 0);
  EXPECT_EQ(out(), "1\n2\n3\n");
}

TEST_F(Resume, BeginsAnewWithoutTheOption) {
  EXPECT_EQ(positive("1\n2\n", {}).ended.exit_code, 0);
  EXPECT_EQ(positive("7\n", {}).ended.exit_code, 0);
  EXPECT_EQ(out(), "7\n");
  EXPECT_EQ(positive("7\n8\n").ended.exit_code, 0);
  EXPECT_EQ(out(), "7\n8\n");
}

TEST_F(Resume, CutsWhatWasTorn) {
  EXPECT_EQ(positive("1\n2\n", {}).ended.exit_code, 0);
  // Killed while it wrote: a line that the log does not tell of, half a line, half an entry.
  std::ofstream(path("out"), std::ios::app) << "3\n4";
  std::ofstream(path("log"), std::ios::app) << R"({"item":2,"sha25)";
  EXPECT_EQ(positive("1\n2\n3\n4\n").ended.exit_code, 0);
  EXPECT_EQ(out(), "1\n2\n3\n4\n");
  EXPECT_THAT(entries_of(log()), SizeIs(4));
}

TEST_F(Resume, BeginsAnewBehindATornLog) {
  EXPECT_EQ(positive("1\n2\n", {}).ended.exit_code, 0);
  std::ofstream(path("log"), std::ios::app) << R"({"item":2,"sha25)";
  EXPECT_EQ(positive("5\n", {}).ended.exit_code, 0);
  EXPECT_EQ(positive("5\n6\n").ended.exit_code, 0);
  EXPECT_EQ(out(), "5\n6\n");
}

TEST_F(Resume, FinishesAnAssemblyThatWasKilled) {
  EXPECT_EQ(positive("1\n-2\n3\n", {}).ended.exit_code, 1);
  ASSERT_THAT(lines_of(out()), SizeIs(3));
  // As killed after the log's word: the failed item was run again, and its line stands at the end.
  const auto old_size = out().size();
  std::ofstream(path("out"), std::ios::app) << "2\n";
  std::ofstream(path("log"), std::ios::app)
      << R"({"item":1,"sha256":"cf3bae39dd692048","status":"ok","end":)" << old_size + 2 << "}\n{\"assembled\":6}\n";
  write("out.bulkhead-new", "1\n2\n3\n");
  EXPECT_EQ(positive("1\n-2\n3\n4\n").ended.exit_code, 0);
  EXPECT_EQ(out(), "1\n2\n3\n4\n");
  EXPECT_FALSE(std::filesystem::exists(path("out.bulkhead-new")));
}

TEST_F(Resume, ForgetsAnAssemblyThatTheLogDoesNotTellOf) {
  EXPECT_EQ(positive("1\n2\n", {}).ended.exit_code, 0);
  write("out.bulkhead-new", "half");
  EXPECT_EQ(positive("1\n2\n3\n").ended.exit_code, 0);
  EXPECT_EQ(out(), "1\n2\n3\n");
  EXPECT_FALSE(std::filesystem::exists(path("out.bulkhead-new")));
}

TEST_F(Resume, RefusesAnInputThatHasChanged) {
  EXPECT_EQ(positive("1\n2\n3\n", {}).ended.exit_code, 0);
  expect_one_error(positive("1\n9\n3\n"), 2, "item 1 is not the one that the job log");
  expect_one_error(positive("1\n2\n"), 2, "the input has 2 items, the job log");
  EXPECT_EQ(out(), "1\n2\n3\n");
}

TEST_F(Resume, RefusesTheLogOfAnotherCommandOrOutput) {
  EXPECT_EQ(positive("1\n2\n", {}).ended.exit_code, 0);
  expect_one_error(run(words({"--resume", "-p", fixture("echo"), "echo.i64"}), "1\n2\n"), 2,
                   "is of another command: its task is \"echo.positive\", now it is \"echo.i64\"");
  expect_one_error(positive("1\n2\n", {"--resume", "--unordered"}), 2, "its order is \"input\"");
  const auto other = write("other", "a long file that somebody needs\n");
  expect_one_error(
      run({"map", "--joblog", path("log"), "--resume", "-o", other, "-p", fixture("echo"), "echo.positive"}, "1\n2\n"),
      2, "its output is");
  expect_one_error(
      run({"map", "--joblog", path("new"), "--resume", "-o", other, "-p", fixture("echo"), "echo.positive"}, "1\n2\n"),
      2, "tells of no run");
  EXPECT_EQ(read_file(other), "a long file that somebody needs\n");
  EXPECT_EQ(out(), "1\n2\n");
}

TEST_F(Resume, RefusesAnOutputThatWasChanged) {
  EXPECT_EQ(positive("1\n2\n", {}).ended.exit_code, 0);
  write("out", "1\n");
  expect_one_error(positive("1\n2\n"), 2, "has 2 bytes where the job log");
  write("out", "12345");
  expect_one_error(positive("1\n2\n"), 2, "no line ends where the last one should");
}

TEST_F(Resume, RefusesWhatIsNoJobLog) {
  write("log", "something else\n");
  expect_one_error(positive("1\n"), 2, "line 1 of the job log");
  expect_one_error(run({"map", "--resume", "-p", fixture("echo"), "echo.i64"}, "1\n"), 2, "--resume requires --");
  expect_one_error(run({"map", "--resume", "--joblog", path("l"), "-p", fixture("echo"), "echo.i64"}, "1\n"), 2,
                   "--output");
}

TEST_F(Resume, RefusesALogThatIsBeingWritten) {
  write("log", "");
  const int fd = ::open(path("log").c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::flock(fd, LOCK_EX), 0);
  expect_one_error(positive("1\n"), 2, "another bulkhead map writes the job log");
  ::close(fd);
}

}  // namespace
}  // namespace bulkhead::test
