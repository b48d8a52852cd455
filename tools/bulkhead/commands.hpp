// The subcommands. Each adds itself to the command line and, when it was asked for, sets the program's action.
#pragma once

#include "common_options.hpp"

namespace bulkhead::cli {

void add_tasks_command(CLI::App& app, Program& program);
void add_call_command(CLI::App& app, Program& program);
void add_map_command(CLI::App& app, Program& program);
void add_chaos_command(CLI::App& app, Program& program);
void add_replay_command(CLI::App& app, Program& program);
void add_config_command(CLI::App& app, Program& program);
void add_clean_command(CLI::App& app, Program& program);
void add_completion_command(CLI::App& app, Program& program);
void add_doctor_command(CLI::App& app, Program& program);
void add_plugin_command(CLI::App& app, Program& program);

// Those of the command `plugin`.
void add_plugin_new_command(CLI::App& plugin, Program& program);
void add_plugin_inspect_command(CLI::App& plugin, Program& program);
void add_plugin_check_command(CLI::App& plugin, Program& program);

}  // namespace bulkhead::cli
