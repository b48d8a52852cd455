// Manifests, named and found: what is wrong with them, and what config says of them.
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "command_fixture.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ManifestOption : public CommandTest {
 protected:
  [[nodiscard]] std::string good() const {
    return "[pool]\nprocesses = 2\n[[plugin]]\npath = \"" + fixture("echo") + "\"\n";
  }
  void expect_manifest_error(const std::string& text, const std::string& says, const std::string& place) const {
    const auto done = run({"call", "-m", write("bulkhead.toml", text), "echo.add", "1", "2"});
    EXPECT_EQ(done.ended.exit_code, 2);
    EXPECT_EQ(done.out, "");
    EXPECT_THAT(done.err, AllOf(StartsWith("error: "), HasSubstr(says), HasSubstr(place)));
  }
};

TEST_F(ManifestOption, HasAReferenceThatIsAsThePageShowsIt) {
  const auto done = run({"config", "reference"});
  EXPECT_EQ(done.ended.exit_code, 0) << done.err;
  std::ifstream page(BULKHEAD_SOURCE "/tools/MANIFEST.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  EXPECT_EQ(done.out, text) << "write it again: bulkhead config reference > tools/MANIFEST.md";
}

TEST_F(ManifestOption, NamesPlugins) {
  const auto done = run({"call", "-m", write("bulkhead.toml", good()), "echo.add", "1", "2"});
  EXPECT_EQ(done.out, "3\n") << done.err;
}

TEST_F(ManifestOption, GoesTogetherWithPlugins) {
  const auto done =
      run({"call", "-m", write("bulkhead.toml", good()), "-p", fixture("misbehave"), "misbehave.sleep_ms", "1"});
  EXPECT_EQ(done.out, "1\n") << done.err;
}

TEST_F(ManifestOption, RefusesUnknownKeysAndOffersTheNearest) {
  expect_manifest_error("[pool]\nproceses = 2\n", "processes", "bulkhead.toml:2:");
}

TEST_F(ManifestOption, RefusesWrongTypes) {
  expect_manifest_error("[pool]\nprocesses = \"two\"\n", "processes", "bulkhead.toml:2:");
}

TEST_F(ManifestOption, SaysWhenTheFileIsMissing) {
  const auto done = run({"call", "-m", path("missing.toml"), "echo.add", "1", "2"});
  EXPECT_EQ(done.ended.exit_code, 2);
  EXPECT_THAT(done.err, AllOf(StartsWith("error: "), HasSubstr("missing.toml")));
}

TEST_F(ManifestOption, SaysWhichPluginIsMissing) {
  const auto manifest = write("bulkhead.toml", "[[plugin]]\npath = \"nowhere.so\"\n");
  expect_one_error(run({"call", "-m", manifest, "nowhere.task"}), 3, "nowhere.so");
}

TEST_F(ManifestOption, TrustsANamedManifestThatOthersMayWriteButNotAFoundOne) {
  const auto manifest = write("bulkhead.toml", good());
  ASSERT_EQ(::chmod(manifest.c_str(), 0666), 0);
  EXPECT_EQ(run({"call", "-m", manifest, "echo.add", "1", "2"}).out, "3\n");
  const auto found = run({"call", "echo.add", "1", "2"}, "", {"BULKHEAD_MANIFEST=" + manifest});
  EXPECT_EQ(found.ended.exit_code, 2);
  EXPECT_EQ(found.out, "");
  EXPECT_THAT(found.err, AllOf(StartsWith("error: "), HasSubstr(manifest)));
}

TEST_F(ManifestOption, IsFoundThroughTheEnvironment) {
  const auto done = run({"call", "echo.add", "1", "2"}, "", {"BULKHEAD_MANIFEST=" + write("my.toml", good())});
  EXPECT_EQ(done.out, "3\n") << done.err;
}

class ConfigCommand : public ManifestOption {};

TEST_F(ConfigCommand, ChecksTheManifestAndItsPlugins) {
  const auto done = run({"config", "check", "-m", write("bulkhead.toml", good())});
  EXPECT_EQ(done.ended.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("1 plugin, "));
}

TEST_F(ConfigCommand, RefusesSettingsOfUnknownTasks) {
  const auto done = run({"config", "check", "-m", write("bulkhead.toml", good() + "[task.echo.nope]\n")});
  EXPECT_EQ(done.ended.exit_code, 2);
  EXPECT_THAT(done.err, AllOf(HasSubstr("task.echo.nope"), HasSubstr("bulkhead.toml:5")));
}

TEST_F(ConfigCommand, ExplainsEveryValueWithItsSource) {
  const auto done = run({"config", "explain", "-m", write("bulkhead.toml", good())});
  EXPECT_THAT(done.out, ::testing::ContainsRegex("pool\\.processes = 2 +# .*bulkhead\\.toml:2\n")) << done.err;
}

TEST_F(ConfigCommand, ExplainsEachTaskWithWhatItsPluginAndTheManifestSay) {
  const auto done =
      run({"config", "explain", "--json", "-m",
           write("bulkhead.toml", good() + "[task.echo]\ntimeout = \"1h\"\n[task.echo.add]\npriority = 5\n"
                                           "[limits]\nmax_timeout = \"10m\"\n")});
  EXPECT_EQ(done.ended.exit_code, 0) << done.err;
  std::map<std::string, std::pair<nlohmann::json, std::string>> shown;
  for (const auto& line : nlohmann::json::parse(done.out)) {
    shown[line.at("key")] = {line.at("value"), line.at("source")};
  }
  EXPECT_EQ(shown["task.echo.add.timeout"].first, "10m");
  EXPECT_THAT(shown["task.echo.add.timeout"].second, ::testing::EndsWith("bulkhead.toml:10 (limits.max_timeout)"));
  EXPECT_EQ(shown["task.echo.add.priority"].first, 5);
  EXPECT_THAT(shown["task.echo.add.priority"].second, ::testing::EndsWith("bulkhead.toml:8"));
  EXPECT_EQ(shown["task.echo.add.retries"].first, 0);
  EXPECT_EQ(shown["task.echo.add.retries"].second, "default");
}

TEST_F(ConfigCommand, ExplainsFlagsAndEnvironment) {
  const auto done = run({"config", "explain", "-p", fixture("echo")}, "", {"BULKHEAD_LOG=error"});
  EXPECT_EQ(done.ended.exit_code, 0) << done.err;
  EXPECT_THAT(done.out, ::testing::ContainsRegex("plugin = \".*echo\\.so\" +# -p\n"));
  EXPECT_THAT(done.out, ::testing::ContainsRegex("log\\.level = \"error\" +# environment \\(BULKHEAD_LOG\\)\n"));
  EXPECT_THAT(done.out, ::testing::ContainsRegex("pool\\.kill_grace = \"2s\" +# default\n"));
}

TEST_F(ConfigCommand, SaysWhenThereIsNoManifest) {
  expect_one_error(run({"config", "check", "-p", fixture("echo")}), 2, "there is no manifest");
}

}  // namespace
}  // namespace bulkhead::test
