#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "bulkhead/manifest.hpp"
#include "manifest_testing.hpp"
#include "plugin/manifest_keys.hpp"

namespace bulkhead {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kWhole = R"(plugin_dirs = ["more", "/opt/plugins"]

[pool]
processes = "auto"
start_method = "spawn"
initializer = "img.warm_up"
initargs = [1, "x"]
max_tasks_per_child = 100
init_timeout = "30s"
ring_bytes = "2MiB"

[[plugin]]
name = "img"
path = "build/img.so"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
config = { model = "small", size = 3 }

[[plugin]]
name = "text"

[task.img]
timeout = "5s"
retries = 1

[task.img.resize]
retries = 2
priority = 6

[limits]
max_rss = "512MiB"
max_timeout = "10m"

[log]
level = "debug"
pattern = "%T %v"
capture = false
)";

Manifest whole() { return parse_manifest(kWhole, "conf/bulkhead.toml"); }

TEST(Manifest, SaysWhatIsLoggedAndHow) {
  const Manifest manifest = whole();
  EXPECT_EQ(manifest.log_level.value, "debug");
  EXPECT_EQ(manifest.log_pattern.value, "%T %v");
  EXPECT_EQ(manifest.log_capture.value, false);
  EXPECT_FALSE(parse_manifest("", "x").log_capture.is_given());
}

TEST(Manifest, GivesThePoolsDefaults) {
  const Manifest manifest = whole();
  EXPECT_TRUE(manifest.processes.is_given());
  EXPECT_FALSE(manifest.processes.value);
  EXPECT_EQ(manifest.start_method.value, "spawn");
  EXPECT_EQ(manifest.initializer.value, "img.warm_up");
  EXPECT_EQ(manifest.initargs.value, "[1,\"x\"]");
  EXPECT_EQ(manifest.max_tasks_per_child.value, 100);
  EXPECT_EQ(manifest.init_timeout.value, 30s);
  EXPECT_EQ(manifest.ring_bytes.value, 2U << 20);
}

TEST(Manifest, GivesPluginsInTheirOrder) {
  const Manifest manifest = whole();
  ASSERT_EQ(manifest.plugins.size(), 2U);
  EXPECT_EQ(manifest.plugins[0].name.value, "img");
  EXPECT_EQ(manifest.plugins[0].config.value, R"({"model":"small","size":3})");
  EXPECT_EQ(manifest.plugins[0].sha256.value->size(), 64U);
  EXPECT_EQ(manifest.plugins[1].name.value, "text");
  EXPECT_FALSE(manifest.plugins[1].path.value);
  EXPECT_FALSE(manifest.plugins[1].config.is_given());
}

TEST(Manifest, TakesPathsFromItsOwnFolder) {
  const Manifest manifest = whole();
  EXPECT_EQ(manifest.plugins[0].path.value, "conf/build/img.so");
  EXPECT_THAT(*manifest.plugin_dirs.value, ElementsAre("conf/more", "/opt/plugins"));
  const Manifest here = parse_manifest("[[plugin]]\npath = \"a.so\"\n", "bulkhead.toml");
  EXPECT_EQ(here.plugins[0].path.value, "a.so");
}

TEST(Manifest, GivesLimits) {
  const Manifest manifest = whole();
  EXPECT_EQ(manifest.max_rss_bytes.value, 512U << 20);
  EXPECT_EQ(manifest.max_timeout.value, 10min);
}

TEST(Manifest, KeepsTheLineOfEveryValue) {
  const Manifest manifest = whole();
  EXPECT_EQ(manifest.plugin_dirs.place.line, 1);
  EXPECT_EQ(manifest.processes.place.line, 4);
  EXPECT_EQ(manifest.plugins[0].path.place.line, 14);
  EXPECT_EQ(manifest.tasks.at("img").timeout.place.line, 22);
  EXPECT_EQ(manifest.tasks.at("img.resize").place.line, 25);
  EXPECT_EQ(manifest.max_timeout.place.line, 31);
  EXPECT_EQ(manifest.max_timeout.place.column, 15);
}

TEST(Manifest, MayBeEmpty) {
  const Manifest manifest = parse_manifest("", "bulkhead.toml");
  EXPECT_TRUE(manifest.plugins.empty());
  EXPECT_FALSE(manifest.processes.is_given());
}

TEST(Manifest, PrefersATasksOwnDefaultsToItsPlugins) {
  const Manifest manifest = whole();
  const TaskDefaults resize = task_defaults(manifest, "img.resize");
  EXPECT_EQ(resize.timeout.value, 5s);
  EXPECT_EQ(resize.retries.value, 2);
  EXPECT_EQ(resize.priority.value, 6);
  EXPECT_EQ(resize.retries.place.line, 26);
  EXPECT_EQ(task_defaults(manifest, "img.scale").retries.value, 1);
  EXPECT_FALSE(task_defaults(manifest, "text.split").timeout.is_given());
}

TEST(Manifest, TakesTheQuotedFormOfATaskForTheSame) {
  const Manifest manifest = parse_manifest("[task.\"img.resize\"]\nretries = 2\n[task.img.scale]\nretries = 3\n", "m");
  EXPECT_EQ(manifest.tasks.at("img.resize").retries.value, 2);
  EXPECT_EQ(manifest.tasks.at("img.scale").retries.value, 3);
  EXPECT_EQ(manifest.tasks.count("img"), 0U);
}

TEST(Manifest, RefusesBothFormsForOneTask) {
  const auto error = error_in("[task.img.resize]\nretries = 2\n[task.\"img.resize\"]\n");
  EXPECT_THAT(error.text, HasSubstr("a second table for task \"img.resize\" (the first is in line "
                                    "1)\n  --> bulkhead.toml:3:"));
}

TEST(Manifest, ReadsNoneAsNoLimit) {
  const Manifest manifest = parse_manifest("[task.img]\ntimeout = \"none\"\n", "m");
  EXPECT_EQ(manifest.tasks.at("img").timeout.value, std::chrono::nanoseconds::max());
}

TEST(Manifest, CapsTimeouts) {
  const Manifest manifest = whole();
  EXPECT_EQ(capped_timeout(manifest, 5s), 5s);
  EXPECT_EQ(capped_timeout(manifest, 1h), 10min);
  EXPECT_EQ(capped_timeout(manifest, std::nullopt), 10min);
  EXPECT_EQ(capped_timeout(manifest, std::chrono::nanoseconds::max()), 10min);
  EXPECT_EQ(capped_timeout(Manifest{}, std::nullopt), std::nullopt);
}

TEST(Manifest, OffersTheKeyThatWasMeant) {
  const auto error = error_in("\n\n[pool]\n\n\n\n  procesess = 3\n");
  EXPECT_EQ(error.text,
            "unknown key \"procesess\" in [pool]\n  --> bulkhead.toml:7:3\nhelp: did you mean "
            "\"processes\"?");
  EXPECT_EQ(error.info.file, "bulkhead.toml");
  EXPECT_EQ(error.info.line, 7);
  EXPECT_EQ(error.info.column, 3);
  EXPECT_EQ(error.info.help, "did you mean \"processes\"?");
}

TEST(Manifest, OffersProcessesForWorkers) {
  EXPECT_EQ(error_in("[pool]\nworkers = 3\n").text,
            "unknown key \"workers\" in [pool]\n  --> bulkhead.toml:2:1\nhelp: did you mean "
            "\"processes\"?");
}

TEST(Manifest, SaysWhereAKeyOfAnotherTableBelongs) {
  EXPECT_THAT(error_in("[pool]\nplugin_dirs = []\n").info.help, HasSubstr("at the file's top"));
  EXPECT_THAT(error_in("processes = 3\n").info.help, HasSubstr("in [pool]"));
  EXPECT_THAT(error_in("[task.img]\nmax_rss = \"1GiB\"\n").info.help, HasSubstr("in [limits]"));
}

TEST(Manifest, RefusesUnknownTables) {
  EXPECT_EQ(error_in("[pools]\n").text, "unknown table [pools]\n  --> bulkhead.toml:1:2\nhelp: did you mean \"pool\"?");
  EXPECT_THAT(error_in("[[plugins]]\n").info.help, HasSubstr("[[plugin]]"));
}

TEST(Manifest, TellsWhichUnitToAdd) {
  EXPECT_EQ(error_in("[task.img]\ntimeout = 5\n").text,
            "\"timeout\" in [task.img] needs a unit\n  --> bulkhead.toml:2:11\nhelp: write \"5s\" "
            "for seconds, \"5ms\" for milliseconds");
  EXPECT_THAT(error_in("[task.img]\ntimeout = 1.5\n").info.help, HasSubstr("\"1.5s\""));
  EXPECT_THAT(error_in("[limits]\nmax_rss = 512\n").info.help, HasSubstr("\"512MiB\""));
  EXPECT_THAT(error_in("[log]\nlevel = \"warn\"\n").text, HasSubstr("\"level\" in [log] must be one of \"trace\""));
  EXPECT_THAT(error_in("[log]\ncapture = \"no\"\n").text,
              HasSubstr("\"capture\" in [log] must be true or false, not a string"));
  EXPECT_THAT(error_in("[log]\nformat = \"%v\"\n").info.help, HasSubstr("\"pattern\""));
  EXPECT_THAT(error_in("[limits]\nmax_rss = \"512MB\"\n").info.help, HasSubstr("\"512MiB\""));
  EXPECT_THAT(error_in("[limits]\nmax_timeout = \"5min\"\n").info.help, HasSubstr("\"5m\""));
}

TEST(Manifest, RefusesValuesOfTheWrongType) {
  EXPECT_THAT(error_in("[pool]\nprocesses = 1.5\n").text,
              HasSubstr("\"processes\" in [pool] must be a whole number, not a fraction"));
  EXPECT_THAT(error_in("[task.img]\nretries = \"2\"\n").text, HasSubstr("not a string"));
  EXPECT_THAT(error_in("[task.img]\ntimeout = true\n").text, HasSubstr("must be a duration"));
  EXPECT_THAT(error_in("pool = 3\n").text, HasSubstr("must be a table"));
  EXPECT_THAT(error_in("[plugin]\nname = \"img\"\n").info.help, HasSubstr("[[plugin]]"));
  EXPECT_THAT(error_in("[[task.img]]\n").text, HasSubstr("must be a table"));
  EXPECT_THAT(error_in("task.img = 3\n").text, HasSubstr("must be a table"));
  EXPECT_THAT(error_in("plugin_dirs = \"a\"\n").info.help, HasSubstr("write [\"a\"]"));
  EXPECT_THAT(error_in("plugin_dirs = [1]\n").text, HasSubstr("must be a string"));
  EXPECT_THAT(error_in("[[plugin]]\nname = \"a\"\nconfig = \"x\"\n").text, HasSubstr("must be a table"));
}

TEST(Manifest, RefusesValuesOutOfRange) {
  EXPECT_THAT(error_in("[pool]\nprocesses = 0\n").text, HasSubstr("must be at least 1 and at most 4096, not 0"));
  EXPECT_THAT(error_in("[pool]\nprocesses = 99999999999\n").text, HasSubstr("at most 4096"));
  EXPECT_THAT(error_in("[pool]\nprocesses = \"many\"\n").text,
              HasSubstr("must be a whole number or \"auto\", not \"many\""));
  EXPECT_THAT(error_in("[task.img]\nretries = -1\n").text, HasSubstr("at least 0"));
  EXPECT_THAT(error_in("[task.img]\ntimeout = \"0s\"\n").text, HasSubstr("more than zero"));
  EXPECT_THAT(error_in("[pool]\nring_bytes = \"3MiB\"\n").text, HasSubstr("a power of two"));
  EXPECT_EQ(error_in("[pool]\nstart_method = \"forkservr\"\n").info.help, "did you mean \"forkserver\"?");
}

TEST(Manifest, ReadsHowAPoolIsRun) {
  const Manifest manifest = parse_manifest(R"([pool]
max_tasks_jitter = 10
max_rss = "2GiB"
max_pending = 1000
max_pending_bytes = "64MiB"
when_full = "fail"
submit_timeout = "3s"
kill_grace = "500ms"
idle_timeout = "none"
min_processes = 2
hygiene = "strict"
quarantine_after = 3
[task.img]
max_running = 3
)",
                                           "m");
  EXPECT_EQ(manifest.max_tasks_jitter.value, 10);
  EXPECT_EQ(manifest.pool_max_rss_bytes.value, std::uint64_t{2} << 30);
  EXPECT_EQ(manifest.max_pending.value, 1000);
  EXPECT_EQ(manifest.max_pending_bytes.value, 64u << 20);
  EXPECT_EQ(manifest.when_full.value, "fail");
  EXPECT_EQ(manifest.submit_timeout.value, 3s);
  EXPECT_EQ(manifest.kill_grace.value, 500ms);
  EXPECT_EQ(manifest.idle_timeout.value, std::chrono::nanoseconds::max());
  EXPECT_EQ(manifest.min_processes.value, 2);
  EXPECT_EQ(manifest.hygiene.value, "strict");
  EXPECT_EQ(manifest.quarantine_after.value, 3);
  EXPECT_EQ(task_defaults(manifest, "img.resize").max_running.value, 3);
}

TEST(Manifest, RefusesHowNoPoolCanBeRun) {
  EXPECT_EQ(error_in("[task.img]\npriority = 8\n").text,
            "\"priority\" in [task.img] must be at least 0 and at most 7, not 8\n  --> bulkhead.toml:2:12");
  EXPECT_THAT(error_in("[task.img]\npriority = -1\n").text, HasSubstr("at least 0 and at most 7, not -1"));
  EXPECT_THAT(error_in("[task.img]\nmax_running = 0\n").text, HasSubstr("must be at least 1"));
  EXPECT_EQ(error_in("[pool]\nwhen_full = \"blok\"\n").info.help, "did you mean \"block\"?");
  EXPECT_THAT(error_in("[pool]\nmax_pending = 0\n").text, HasSubstr("must be at least 1"));
  EXPECT_THAT(error_in("[pool]\nmax_pending_bytes = 64\n").info.help, HasSubstr("\"64MiB\""));
  EXPECT_THAT(error_in("[pool]\nprocesses = 2\nmin_processes = 3\n").text, HasSubstr("more than \"processes\""));
  EXPECT_THAT(error_in("[pool]\nmax_running = 3\n").info.help, HasSubstr("in [task.NAME]"));
}

TEST(Manifest, SharesItsDurationsWithWhoeverAsks) {
  EXPECT_EQ(duration_of("250ms"), 250ms);
  EXPECT_EQ(duration_of("none"), std::chrono::nanoseconds::max());
  EXPECT_EQ(text_of(90s), "90s");
  EXPECT_EQ(text_of(std::chrono::nanoseconds::max()), "none");
  EXPECT_THROW((void)duration_of("0s"), UsageError);
  try {
    (void)duration_of("5");
    FAIL() << "5 has no unit";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("has no unit"), HasSubstr("\"5s\"")));
  }
}

TEST(Manifest, RefusesPluginsThatCannotBe) {
  EXPECT_THAT(error_in("[[plugin]]\n").text, HasSubstr("needs a \"name\" or a \"path\""));
  EXPECT_THAT(error_in("[[plugin]]\nname = \"a-b\"\n").text, HasSubstr("cannot be a plugin's name"));
  EXPECT_THAT(error_in("[[plugin]]\nname = \"a/b\"\n").text, HasSubstr("cannot be a plugin's name"));
  EXPECT_THAT(error_in("[[plugin]]\nname = \"a\"\nsha256 = \"abc\"\n").text, HasSubstr("64 hexadecimal digits"));
  EXPECT_THAT(error_in("[[plugin]]\nname = \"a\"\npath = \"\"\n").text, HasSubstr("is empty"));
  EXPECT_THAT(error_in("[[plugin]]\npath = \"a\\u0000b\"\n").text, HasSubstr("zero character"));
  EXPECT_THAT(error_in("[[plugin]]\nname = \"a\"\n[[plugin]]\nname = \"a\"\n").text,
              HasSubstr("a second plugin \"a\" (the first is in line 2)"));
}

TEST(Manifest, RefusesNamesThatNoTaskCanHave) {
  EXPECT_THAT(error_in("[task.\"a.b.c\"]\n").text, HasSubstr("not the name of a plugin or a task"));
  EXPECT_THAT(error_in("[task.a.\"b-c\"]\n").text, HasSubstr("not the name of a task of \"a\""));
  EXPECT_THAT(error_in("[task.a.b.c]\n").text, HasSubstr("unknown key \"c\" in [task.a.b]"));
}

TEST(Manifest, RefusesInitargsWithoutAnInitializerAndUnknownPoolPlugins) {
  EXPECT_THAT(error_in("[pool]\ninitargs = [1]\n").text, HasSubstr("needs an \"initializer\""));
  EXPECT_THAT(error_in("[pool]\nplugins = [\"a\"]\n").text, HasSubstr("which no [[plugin]] has"));
}

TEST(Manifest, TellsThePlaceOfASyntaxError) {
  const auto error = error_in("[pool]\nprocesses = = 3\n");
  EXPECT_THAT(error.text, testing::StartsWith("not valid TOML: "));
  EXPECT_EQ(error.info.line, 2);
  EXPECT_EQ(error_in("[pool]\n[pool]\n").info.line, 2);
  EXPECT_EQ(error_in("a = \"\xff\"\n").info.line, 1);
}

TEST(Manifest, RefusesABracketThatClosesNothing) {
  // The parser's own assertions would end a program that keeps them.
  for (const char* text : {"plugins = [}", "plugins = [,]", "a = {]", "a = ["}) {
    EXPECT_THAT(error_in(text).text, testing::StartsWith("not valid TOML: ")) << text;
  }
}

TEST(Manifest, QuotesNothingThatATerminalObeys) {
  const auto error = error_in("[pool]\nring_bytes = \"1\\u001b[2J\\t\\u007f\"\n");
  EXPECT_THAT(error.text, HasSubstr("?[2J??"));
  EXPECT_EQ(error.text.find('\x1b'), std::string::npos);
}

TEST(Manifest, RefusesAHugeText) {
  EXPECT_THAT(error_in(std::string((1 << 20) + 1, '\n')).text, HasSubstr("larger than 1MiB"));
  EXPECT_NO_THROW((void)parse_manifest(std::string(1 << 20, '\n'), "m"));
}

TEST(Manifest, RefusesKeysAndValuesNestedWithoutEnd) {
  std::string key = "a";
  for (int i = 0; i < 400'000; ++i) key += ".a";
  EXPECT_THAT(error_in(key + " = 1\n").text, HasSubstr("more than 16 parts"));
  EXPECT_THAT(error_in("[" + key + "]\n").text, HasSubstr("more than 16 parts"));
  EXPECT_THAT(error_in("[[plugin]]\nname = \"x\"\nconfig = { " + key + " = 1 }\n").text,
              HasSubstr("more than 16 parts"));
  const std::string brackets(400'000, '[');
  EXPECT_THAT(error_in("a = " + brackets).text, HasSubstr("not valid TOML"));
  const std::string nested = std::string(100, '[') + std::string(100, ']');
  EXPECT_THAT(error_in("[[plugin]]\nname = \"x\"\nconfig = { a = " + nested + " }\n").text,
              HasSubstr("nests deeper than 64 levels"));
}

TEST(Manifest, WritesConfigurationAsTheJsonAPersonWouldExpect) {
  const Manifest manifest = parse_manifest(R"([[plugin]]
name = "x"
[plugin.config]
text = "a\"b\\c\n\u0001é"
whole = 5.0
big = 9223372036854775807
tiny = 1e-7
none = nan
huge = -inf
yes = true
day = 2024-02-29
list = [1, [], {}]
)",
                                           "m");
  EXPECT_EQ(manifest.plugins[0].config.value, R"({"big":9223372036854775807,"day":"2024-02-29","huge":"-Infinity",)"
                                              R"("list":[1,[],{}],"none":"NaN","text":"a\"b\\c\n\u0001é","tiny":1e-07,)"
                                              R"("whole":5.0,"yes":true})");
}

// A value that a key of this kind may have.
std::string sample_of(const plugin::ManifestKey& key) {
  using Kind = plugin::ManifestKey::Kind;
  switch (key.kind) {
    case Kind::kText:
      return key.key == "sha256" ? '"' + std::string(64, 'a') + '"' : "\"img\"";
    case Kind::kWord:
      return '"' + std::string(key.words.front()) + '"';
    case Kind::kCount:
      return std::to_string(std::max(key.least, 1));
    case Kind::kDuration:
      return "\"5s\"";
    case Kind::kBytes:
      return "\"1MiB\"";
    case Kind::kFlag:
      return "false";
    case Kind::kTexts:
      return "[\"img\"]";
    case Kind::kJsonArray:
      return "[1]";
    case Kind::kJsonObject:
      return "{ a = 1 }";
  }
  return {};
}

TEST(Manifest, TakesEveryKeyOfItsReference) {
  const std::map<std::string, std::string> headings{
      {"pool", "[pool]"}, {"plugin", "[[plugin]]"}, {"task", "[task.img]"}, {"log", "[log]"}, {"limits", "[limits]"}};
  std::string text;
  std::string table;
  for (const auto& key : plugin::manifest_keys()) {
    if (table != key.table) text += headings.at(table = key.table) + "\n";
    text += std::string(key.key) + " = " + sample_of(key) + "\n";
  }
  EXPECT_NO_THROW((void)parse_manifest(text, "all.toml")) << text;
  EXPECT_EQ(manifest_reference().size(), plugin::manifest_keys().size());
}

}  // namespace
}  // namespace bulkhead
