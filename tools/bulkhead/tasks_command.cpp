// bulkhead tasks: every task, with its signature, plugin, version and doc.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "failures.hpp"
#include "output.hpp"
#include "task_json.hpp"
#include "task_names.hpp"

namespace bulkhead::cli {

namespace {

std::string to_json(const std::vector<CatalogEntry>& tasks) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& task : tasks) list.push_back(task_to_json(task));
  return list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

void print_table(Output& output, const std::vector<CatalogEntry>& tasks) {
  std::size_t name_width = 0;
  std::size_t signature_width = 0;
  std::size_t plugin_width = 0;
  constexpr std::size_t kWidest = 40;  // a long one moves its own line only
  for (const auto& task : tasks) {
    name_width = std::max(name_width, std::min(task.name.size(), kWidest));
    signature_width = std::max(signature_width, std::min(task.signature.size(), kWidest));
    plugin_width = std::max(plugin_width, task.plugin.size() + 1 + task.version.size());
  }
  const auto padded = [](std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text + "  ";
  };
  for (const auto& task : tasks) {
    std::string line = padded(task.name, name_width) + padded(task.signature, signature_width) +
                       padded(task.plugin + ' ' + task.version, plugin_width) + task.doc;
    line.erase(line.find_last_not_of(' ') + 1);
    output.add_line(line);
  }
}

int list_tasks(const CommonOptions& common, bool as_json) {
  std::vector<std::string> refused;
  auto manifest = choose_manifest(common);
  const bool is_path = !manifest && common.plugins.empty();
  const Engine engine =
      is_path ? open_plugin_path(common, refused) : open_engine(common, manifest ? std::move(*manifest) : Manifest{});
  for (const auto& reason : refused) std::fprintf(stderr, "warning: %s\n", reason.c_str());
  const auto tasks = engine.tasks();
  if (tasks.empty()) {
    if (!refused.empty()) return kPluginFailed;
    std::fputs("no tasks: name plugins with -p FILE.so or in a manifest, or set $BULKHEAD_PLUGIN_PATH\n", stderr);
  }
  Output output;
  if (as_json) {
    output.add_line(to_json(tasks));
  } else {
    print_table(output, tasks);
  }
  output.finish();
  return kDone;
}

int list_names(const CommonOptions& common) {
  Output output;
  for (const auto& name : task_names(common)) output.add_line(name);
  output.finish();
  return kDone;
}

}  // namespace

void add_tasks_command(CLI::App& app, Program& program) {
  auto* const command = app.add_subcommand("tasks", "list every task: name, signature, plugin, version, doc");
  add_common_options(*command, program.common);
  auto as_json = std::make_shared<bool>(false);
  command->add_flag("--json", *as_json, "as a JSON array of objects");
  auto only_names = std::make_shared<bool>(false);
  command->add_flag("--names", *only_names)->group("");  // for completion; not shown
  command->footer(
      "Plugins come from -p, from the manifest, or else from the plugin path.\n\n"
      "Examples:\n"
      "  bulkhead tasks -p build/math.so\n"
      "  bulkhead tasks --json | jq -r '.[].name'");
  command->callback([&program, as_json, only_names] {
    program.action = [&program, as_json, only_names] {
      return *only_names ? list_names(program.common) : list_tasks(program.common, *as_json);
    };
  });
}

}  // namespace bulkhead::cli
