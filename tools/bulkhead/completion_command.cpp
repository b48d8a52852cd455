// bulkhead completion bash|zsh: prints the shell's completion, as it is installed too.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "commands.hpp"
#include "embedded_files.hpp"
#include "failures.hpp"
#include "output.hpp"

namespace bulkhead::cli {

namespace {

int print_completion(const std::string& shell) {
  const std::string_view path = shell == "zsh" ? "completion/_bulkhead" : "completion/bulkhead.bash";
  const auto file = std::ranges::find(embedded_files(), path, &EmbeddedFile::path);
  Output output;
  output.buffer() += file->text;
  output.finish();
  return kDone;
}

}  // namespace

void add_completion_command(CLI::App& app, Program& program) {
  auto* const command = app.add_subcommand("completion", "print the completion for bash or zsh");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash or zsh")->required()->check(CLI::IsMember({"bash", "zsh"}));
  command->footer(
      "Commands, options, and the tasks of the plugins that the line names so far (-p, -m, the manifest that is\n"
      "found, or the plugin path). An installation has it where both shells look for it; this is for other places.\n\n"
      "Examples:\n"
      "  source <(bulkhead completion bash)\n"
      "  bulkhead completion zsh > ~/.zfunc/_bulkhead");
  command->callback([&program, shell] { program.action = [shell] { return print_completion(*shell); }; });
}

}  // namespace bulkhead::cli
