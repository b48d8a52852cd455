// bulkhead plugin check FILE: is it a good plugin? Loads it in a throw-away process, and calls its examples in a worker.

#include <CLI/CLI.hpp>
#include <memory>

#include "call_limits.hpp"
#include "commands.hpp"
#include "failures.hpp"
#include "json_text.hpp"
#include "output.hpp"
#include "plugin_check.hpp"
#include "plugin_report.hpp"

namespace bulkhead::cli {

namespace {

int check(const CommonOptions& common, const CheckOptions& options, bool as_json) {
  if (!is_json(options.config_json) || !options.config_json.starts_with('{')) {
    throw UsageFailure("--config must be a JSON object, as in '{\"model\": \"small\"}'");
  }
  const CheckReport report = check_plugin(common, options);
  Output output;
  output.add_line(as_json ? to_json(report) : to_text(report));
  output.finish();
  if (!report.can_be_used()) return kPluginFailed;
  return report.failed_examples() > 0 ? kTaskFailed : kDone;
}

}  // namespace

void add_plugin_check_command(CLI::App& plugin, Program& program) {
  auto* const command = plugin.add_subcommand("check", "load it in a throw-away process and call its tasks' examples");
  auto options = std::make_shared<CheckOptions>();
  auto as_json = std::make_shared<bool>(false);
  command->add_option("FILE", options->file, "the plugin, a .so file")->required();
  command->add_option("--config", options->config_json, "the plugin's configuration, as a JSON object")
      ->type_name("JSON");
  add_duration_option(*command, "--timeout", options->call_limit,
                      "kill an example's call that runs longer (default: 10s)");
  command->add_flag("--json", *as_json, "as a JSON object");
  command->add_option("--worker", program.common.worker, "the worker program (default: as for all commands)")
      ->type_name("PROGRAM");
  command->footer(
      "Looks for libraries that are not found, undefined symbols, symbols that could collide with another\n"
      "library's, and constructors that start threads or write to standard output; tells what loading costs;\n"
      "and calls every example that a task declares with .example(). Warnings do not fail the check.\n\n"
      "Exit code: 0 it can be used; 1 an example failed; 3 it cannot be used.\n\n"
      "Examples:\n"
      "  bulkhead plugin check build/math.so\n"
      "  bulkhead plugin check --config '{\"model\": \"small\"}' build/classify.so\n"
      "  bulkhead plugin check --json build/math.so | jq '.load.seconds'");
  command->callback([&program, options, as_json] {
    program.action = [&program, options, as_json] { return check(program.common, *options, *as_json); };
  });
}

}  // namespace bulkhead::cli
