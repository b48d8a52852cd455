// bulkhead config check, explain, reference: is the manifest right, what does it say, and what could it?

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "failures.hpp"
#include "output.hpp"

namespace bulkhead::cli {

namespace {

Manifest manifest_or_fail(const CommonOptions& common) {
  auto manifest = choose_manifest(common);
  if (manifest) return std::move(*manifest);
  throw UsageFailure("there is no manifest: name one with -m FILE, or write bulkhead.toml here");
}

std::string plural(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// [task.x] must speak of a plugin or task that is there.
void check_task_names(const Manifest& manifest, const std::vector<CatalogEntry>& tasks) {
  for (const auto& [name, defaults] : manifest.tasks) {
    const bool is_known =
        std::ranges::any_of(tasks, [&](const auto& task) { return task.name == name || task.plugin == name; });
    if (is_known) continue;
    throw UsageFailure("[task." + name + "] speaks of no task or plugin of this manifest\n  --> " + manifest.file +
                       ":" + std::to_string(defaults.place.line) + ":" + std::to_string(defaults.place.column) +
                       "\nhelp: bulkhead tasks lists them");
  }
}

int check(const CommonOptions& common, bool as_json) {
  const Manifest manifest = manifest_or_fail(common);
  const auto tasks = open_engine(common, manifest).tasks();
  check_task_names(manifest, tasks);
  const std::size_t plugins = manifest.plugins.size() + common.plugins.size();
  Output output;
  if (as_json) {
    const nlohmann::ordered_json report = {{"manifest", manifest.file}, {"plugins", plugins}, {"tasks", tasks.size()}};
    output.add_line(report.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    output.add_line(manifest.file + ": " + plural(plugins, "plugin") + ", " + plural(tasks.size(), "task") +
                    ", no problem found");
  }
  output.finish();
  return kDone;
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// What the command line decides, else the environment, else the default.
std::vector<ExplainedSetting> program_settings(const CommonOptions& common) {
  std::vector<ExplainedSetting> settings;
  for (const auto& plugin : common.plugins) settings.push_back({"plugin", quoted(plugin), "-p"});
  struct FromEnvironment {
    const char* key;
    const char* variable;
    const char* fallback;
  };
  constexpr std::array<FromEnvironment, 2> kFromEnvironment{{
      {"worker", "BULKHEAD_WORKER", "where it was installed"},
      {"plugin_path", "BULKHEAD_PLUGIN_PATH", ""},
  }};
  for (const auto& [key, variable, fallback] : kFromEnvironment) {
    const char* const value = std::getenv(variable);
    if (std::string_view(key) == "worker" && !common.worker.empty()) {
      settings.push_back({key, quoted(common.worker), "--worker"});
    } else if (value != nullptr && *value != '\0') {
      settings.push_back({key, quoted(value), std::string("environment (") + variable + ")"});
    } else {
      settings.push_back({key, quoted(fallback), "default"});
    }
  }
  return settings;
}

// The environment's log level counts more than the manifest's.
void apply_environment(std::vector<ExplainedSetting>& settings) {
  const char* const level = std::getenv("BULKHEAD_LOG");
  if (level == nullptr || *level == '\0') return;
  for (auto& setting : settings) {
    if (setting.key == "log.level") setting = {setting.key, quoted(level), "environment (BULKHEAD_LOG)"};
  }
}

std::string origin_of(const Manifest& manifest) {
  if (manifest.origin.empty()) return "-m";
  return manifest.origin.starts_with("BULKHEAD_") ? "environment (" + manifest.origin + ")" : manifest.origin;
}

int explain_settings(const CommonOptions& common, bool as_json) {
  const auto found = choose_manifest(common);
  if (!found && common.plugins.empty()) (void)manifest_or_fail(common);
  const Manifest manifest = found.value_or(Manifest{});
  std::vector<ExplainedSetting> settings;
  settings.push_back(found ? ExplainedSetting{"manifest", quoted(manifest.file), origin_of(manifest)}
                           : ExplainedSetting{"manifest", quoted("none"), "default"});
  std::ranges::copy(program_settings(common), std::back_inserter(settings));
  std::ranges::copy(explain(manifest, open_engine(common, manifest).tasks()), std::back_inserter(settings));
  apply_environment(settings);
  Output output;
  if (as_json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& setting : settings) {
      list.push_back(
          {{"key", setting.key}, {"value", nlohmann::ordered_json::parse(setting.value)}, {"source", setting.source}});
    }
    output.add_line(list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    std::size_t width = 0;
    for (const auto& setting : settings) width = std::max(width, setting.key.size() + setting.value.size() + 3);
    width = std::min<std::size_t>(width, 60);
    for (const auto& setting : settings) {
      std::string line = setting.key + " = " + setting.value;
      if (line.size() < width) line.append(width - line.size(), ' ');
      output.add_line(line + "  # " + setting.source);
    }
  }
  output.finish();
  return kDone;
}

constexpr const char* kReferenceHead =
    "# The manifest\n\n"
    "A TOML file. It is found by `-m FILE`, `$BULKHEAD_MANIFEST`, as `bulkhead.toml` in this folder or one above (up "
    "to the first\n"
    "with `.git`, or `$HOME`), in `$XDG_CONFIG_HOME/bulkhead/` or in `/etc/bulkhead/`. One that is found, not named, "
    "must belong to\n"
    "you or root, and nobody else may write to it. Unknown keys are errors. Durations: `\"250ms\"`, `\"5s\"`, "
    "`\"10m\"`, `\"none\"`;\n"
    "sizes: `\"64KiB\"`, `\"2GiB\"`. What a program sets in its code counts more; `[limits]` counts most.\n\n"
    "This page is written by `bulkhead config reference`, from the table that manifests are checked against.\n";

std::string heading_of(const std::string& table) {
  if (table.empty()) return "At the top";
  if (table == "plugin") return "[[plugin]], once for each";
  if (table == "task") return "[task.PLUGIN], [task.PLUGIN.TASK]";
  return "[" + table + "]";
}

int show_reference(const CommonOptions&, bool as_json) {
  const auto keys = manifest_reference();
  Output output;
  if (as_json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& key : keys) {
      list.push_back({{"table", key.table},
                      {"key", key.key},
                      {"value", key.value},
                      {"default", key.fallback},
                      {"meaning", key.meaning}});
    }
    output.add_line(list.dump(2));
    output.finish();
    return kDone;
  }
  std::string text = kReferenceHead;
  const std::string* table = nullptr;
  for (const auto& key : keys) {
    if (table == nullptr || *table != key.table) {
      text += "\n## " + heading_of(key.table) + "\n\n| key | value | default | |\n|---|---|---|---|\n";
    }
    table = &key.table;
    text += "| `" + key.key + "` | " + key.value + " | " + key.fallback + " | " + key.meaning + " |\n";
  }
  text.pop_back();
  output.add_line(text);
  output.finish();
  return kDone;
}

}  // namespace

void add_config_command(CLI::App& app, Program& program) {
  auto* const command = app.add_subcommand("config", "check or explain the manifest, or what one may say");
  command->require_subcommand(1);
  command->footer("Examples:\n  bulkhead config check\n  bulkhead config explain -m bulkhead.toml");
  const auto add = [&](const char* name, const char* what, const char* examples,
                       int (*run)(const CommonOptions&, bool)) {
    auto* const part = command->add_subcommand(name, what);
    add_common_options(*part, program.common);
    auto as_json = std::make_shared<bool>(false);
    part->add_flag("--json", *as_json, "for machines");
    part->footer(examples);
    part->callback([&program, as_json, run] {
      program.action = [&program, as_json, run] { return run(program.common, *as_json); };
    });
  };
  add("check", "read the manifest and load each of its plugins once, in a process of its own",
      "Exit code: 0 all is well; 2 the manifest is wrong; 3 a plugin cannot be used.\n\n"
      "Examples:\n  bulkhead config check\n  bulkhead config check -m deploy/bulkhead.toml",
      &check);
  add("reference", "show every key that a manifest may have, as Markdown",
      "It is tools/MANIFEST.md.\n\n"
      "Examples:\n  bulkhead config reference\n  bulkhead config reference --json",
      &show_reference);
  add("explain", "show every value in force, for the pool and for each task, and where it comes from",
      "A value comes from a flag, the environment, a line of the manifest, the plugin's author, or the\n"
      "default; what [limits] cuts shows the limit. map and call take --timeout and others on top.\n\n"
      "Examples:\n  bulkhead config explain\n  bulkhead config explain -p build/math.so\n"
      "  bulkhead config explain --json -m bulkhead.toml",
      &explain_settings);
}

}  // namespace bulkhead::cli
