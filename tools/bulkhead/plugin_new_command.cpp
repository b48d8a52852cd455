// bulkhead plugin new NAME: a plugin's project that builds, is tested and runs at once.

#include <CLI/CLI.hpp>
#include <memory>

#include "commands.hpp"
#include "failures.hpp"
#include "output.hpp"
#include "scaffold.hpp"

namespace bulkhead::cli {

namespace {

struct NewCommand {
  std::string name;
  std::string folder;  // empty: the name
  std::string language = "cpp";
};

int make_project(const NewCommand& command) {
  check_plugin_name(command.name);
  const std::string folder = command.folder.empty() ? command.name : command.folder;
  const auto files = write_scaffold(command.name, command.language, folder);

  const auto in_folder = [&](const char* name) { return shell_word((std::filesystem::path(folder) / name).string()); };
  const std::string build = in_folder("build");
  Output output;
  output.add_line("wrote a plugin in " + std::string(command.language == "c" ? "C" : "C++") + " to " +
                  shell_word(folder) + ":");
  for (const auto& file : files) output.add_line("  " + file.string());
  output.add_line("build, test and run it:");
  output.add_line("  cmake -S " + shell_word(folder) + " -B " + build + " && cmake --build " + build);
  output.add_line("  ctest --test-dir " + build + " --output-on-failure");
  output.add_line("  bulkhead -m " + in_folder("bulkhead.toml") + " call " + command.name + ".add 2 3");
  output.finish();
  return kDone;
}

}  // namespace

void add_plugin_new_command(CLI::App& plugin, Program& program) {
  auto* const command = plugin.add_subcommand("new", "write a project that builds, is tested and runs at once");
  auto parsed = std::make_shared<NewCommand>();
  command->add_option("NAME", parsed->name, "the plugin's name: letters, digits and _")->required();
  command->add_option("--dir", parsed->folder, "where to, a new or empty folder (default: NAME)")->type_name("DIR");
  command->add_option("--lang", parsed->language, "cpp or c (default: cpp)")
      ->type_name("LANG")
      ->check(CLI::IsMember({"cpp", "c"}));
  command->footer(
      "The project has the tasks as plain functions with a test of their own, the plugin that names them, a\n"
      "manifest and a README; the three commands that are printed build, test and run it.\n\n"
      "Examples:\n"
      "  bulkhead plugin new greeter\n"
      "  bulkhead plugin new --lang c --dir plugins/fast fast");
  command->callback([&program, parsed] { program.action = [parsed] { return make_project(*parsed); }; });
}

}  // namespace bulkhead::cli
