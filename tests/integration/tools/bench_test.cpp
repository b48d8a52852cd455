// bulkhead-bench measures what it says it measures, and leaves nothing behind. What the figures are is no test's affair.
#include <nlohmann/json.hpp>
#include <sstream>

#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

class BenchProgram : public CommandTest {
 protected:
  [[nodiscard]] ProgramRun bench(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), BULKHEAD_BENCH_PROGRAM);
    return run_program(arguments);
  }
  // Name and unit of each figure that --list shows.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> listed(std::vector<std::string> names) const {
    names.push_back("--list");
    const auto shown = bench(names);
    EXPECT_EQ(shown.ended.exit_code, 0) << shown.err;
    std::vector<std::pair<std::string, std::string>> figures;
    for (const auto& line : lines_of(shown.out)) {
      std::istringstream words(line);
      auto& [name, unit] = figures.emplace_back();
      words >> name >> unit;
    }
    return figures;
  }
};

TEST_F(BenchProgram, WritesEveryFigureThatItLists) {
  const std::vector<std::string> names{"apply.hot_2_workers", "map"};
  const auto figures = listed(names);
  ASSERT_GT(figures.size(), 1u);
  EXPECT_GT(listed({}).size(), figures.size());
  const auto file = path("figures.json");
  const auto page = path("figures.html");
  const auto readme = write("README.md", "before\n<!-- figures: these -->\nold\n<!-- end of figures -->\nafter\n");
  const auto measured = bench({"apply.hot_2_workers", "map", "--quick", "--rounds", "1", "--slice", "1", "--json", file,
                               "--report", page, "--table", readme});
  const auto written = nlohmann::json::parse(read_file(file)).at("figures");
  ASSERT_EQ(written.size(), figures.size()) << measured.out;
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const auto& figure = written[i];
    EXPECT_EQ(figure.at("name"), figures[i].first);
    EXPECT_EQ(figure.at("unit"), figures[i].second);
    EXPECT_TRUE(figure.at("parameters").is_object());
    // Without Python its figures say so.
    EXPECT_TRUE(figure.at("value").is_number() || figure.at("missing").is_string()) << figure;
    EXPECT_THAT(read_file(page), ::testing::HasSubstr(figures[i].first));
    EXPECT_THAT(read_file(readme), ::testing::HasSubstr("\n| " + figures[i].first + " |"));
  }
  EXPECT_GT(written[0].at("value").get<double>(), 0);
  EXPECT_GT(written[0].at("cpu_us").get<double>(), 0);
  EXPECT_THAT(read_file(readme), ::testing::StartsWith("before\n<!-- figures: these -->\n"));
  EXPECT_THAT(read_file(readme), ::testing::EndsWith("\n<!-- end of figures -->\nafter\n"));
  EXPECT_THAT(read_file(readme), ::testing::Not(::testing::HasSubstr("old")));
  // The page needs nothing else.
  EXPECT_THAT(read_file(page), ::testing::Not(::testing::HasSubstr("http")));
}

TEST_F(BenchProgram, RefusesAFigureThatItDoesNotKnow) {
  expect_one_error(bench({"apply.lukewarm"}), 2, "apply.lukewarm");
}

TEST_F(BenchProgram, RefusesAFileThatCannotBeWrittenBeforeItMeasures) {
  expect_one_error(bench({"apply.hot", "--json", path("missing/figures.json")}), 2, "missing/figures.json");
}

// The fixture sees that nothing is left.
TEST_F(BenchProgram, InterruptedLeavesNoProcess) {
  auto program =
      start_program({BULKHEAD_BENCH_PROGRAM, "apply.hot", "--rounds", "1000"}, "/dev/null", path("out"), path("err"));
  // Itself, the experiment, its peers and workers.
  ASSERT_TRUE(eventually(std::chrono::seconds(20), [this] { return processes().size() > 5; }));
  program.kill(SIGINT);
  EXPECT_EQ(program.wait().exit_code, 128 + SIGINT);
}

}  // namespace
}  // namespace bulkhead::test
