// bulkhead plugin …: the tools of those who write plugins.

#include <CLI/CLI.hpp>

#include "commands.hpp"

namespace bulkhead::cli {

void add_plugin_command(CLI::App& app, Program& program) {
  auto* const command = app.add_subcommand("plugin", "make, inspect and check plugins");
  command->require_subcommand(1);
  command->footer(
      "Examples:\n"
      "  bulkhead plugin new greeter\n"
      "  bulkhead plugin inspect build/math.so\n"
      "  bulkhead plugin check build/math.so");
  add_plugin_new_command(*command, program);
  add_plugin_inspect_command(*command, program);
  add_plugin_check_command(*command, program);
}

}  // namespace bulkhead::cli
