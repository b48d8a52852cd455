// bulkhead plugin new: what it writes, and what it will not. That it builds and runs: package/scaffold_test.sh.
#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class PluginNew : public CommandTest {
 protected:
  [[nodiscard]] std::vector<std::string> files_in(const std::string& folder) const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path(folder))) {
      if (entry.is_regular_file()) files.push_back(std::filesystem::relative(entry.path(), path(folder)));
    }
    std::ranges::sort(files);
    return files;
  }
};

TEST_F(PluginNew, WritesAProjectThatBearsItsName) {
  for (const std::string language : {"cpp", "c"}) {
    const auto made = run({"plugin", "new", "--lang", language, "--dir", path(language), "greeter"});
    EXPECT_EQ(made.ended.exit_code, 0) << made.err;
    const auto files = files_in(language);
    EXPECT_EQ(files.size(), 8u);
    for (const auto& file : files) {
      EXPECT_THAT(made.out, HasSubstr("\n  " + file + "\n"));
      EXPECT_THAT(read_file(path(language + "/" + file)), Not(HasSubstr("@"))) << file;
      EXPECT_THAT(file, Not(HasSubstr("NAME")));
    }
    EXPECT_THAT(read_file(path(language + "/bulkhead.toml")), HasSubstr("path = \"build/greeter.so\""));
  }
}

TEST_F(PluginNew, PrintsCommandsThatAShellTakes) {
  const auto made = run({"plugin", "new", "--dir", path("it's here"), "greeter"});
  EXPECT_EQ(made.ended.exit_code, 0) << made.err;
  const std::string quoted = "'" + path("it'\\''s here");
  EXPECT_THAT(made.out,
              AllOf(HasSubstr("  cmake -S " + quoted + "' -B " + quoted + "/build' && cmake --build " + quoted),
                    HasSubstr("  bulkhead -m " + quoted + "/bulkhead.toml' call greeter.add 2 3\n")));
}

TEST_F(PluginNew, LeavesWhatIsThereAlone) {
  const auto file = write("taken/notes.txt", "mine");
  expect_one_error(run({"plugin", "new", "--dir", path("taken"), "greeter"}), 2, "is not empty");
  expect_one_error(run({"plugin", "new", "--dir", file, "greeter"}), 2, "is no folder");
  EXPECT_EQ(files_in("taken"), std::vector<std::string>{"notes.txt"});
  std::filesystem::create_directories(path("empty"));
  EXPECT_EQ(run({"plugin", "new", "--dir", path("empty"), "greeter"}).ended.exit_code, 0);
}

TEST_F(PluginNew, RefusesNamesThatCannotBe) {
  for (const std::string name : {"", "9lives", "_hidden", "two words", "a-b", "über", "a/b"}) {
    expect_one_error(run({"plugin", "new", "--dir", path("x"), name}), 2, "cannot be a plugin's name");
  }
  expect_one_error(run({"plugin", "new", "--dir", path("x"), std::string(65, 'a')}), 2, "at most 64");
  expect_one_error(run({"plugin", "new", "--dir", path("x"), "test"}), 2, "try \"my_test\"");
  expect_one_error(run({"plugin", "new", "--dir", path("x"), "--lang", "perl", "greeter"}), 2, "perl");
  EXPECT_FALSE(std::filesystem::exists(path("x")));
}

}  // namespace
}  // namespace bulkhead::test
