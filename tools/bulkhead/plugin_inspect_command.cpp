// bulkhead plugin inspect FILE: what a plugin's file says of itself; nothing of it is run.

#include <CLI/CLI.hpp>
#include <memory>

#include "commands.hpp"
#include "failures.hpp"
#include "output.hpp"
#include "plugin_report.hpp"

namespace bulkhead::cli {

namespace {

int inspect(const std::string& file, bool as_json) {
  const PluginInfo info = inspect_plugin(file);
  Output output;
  output.add_line(as_json ? to_json(info) : to_text(info));
  output.finish();
  return kDone;
}

}  // namespace

void add_plugin_inspect_command(CLI::App& plugin, Program& program) {
  auto* const command = plugin.add_subcommand("inspect", "what a plugin's file says of itself; runs nothing of it");
  auto file = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false);
  command->add_option("FILE", *file, "the plugin, a .so file")->required();
  command->add_flag("--json", *as_json, "as a JSON object");
  command->footer(
      "Name, version, ABI, compiler, the libraries it needs, what it exports beside its entry point, and every\n"
      "task with its signature, defaults and examples.\n\n"
      "Exit code: 0 done; 3 it is no plugin for this engine.\n\n"
      "Examples:\n"
      "  bulkhead plugin inspect build/math.so\n"
      "  bulkhead plugin inspect --json build/math.so | jq -r '.tasks[].signature'");
  command->callback(
      [&program, file, as_json] { program.action = [file, as_json] { return inspect(*file, *as_json); }; });
}

}  // namespace bulkhead::cli
