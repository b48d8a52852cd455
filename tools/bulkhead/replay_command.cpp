// bulkhead replay: the call of a dead letter again, in this process, under a debugger if asked.

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <bulkhead/worker_main.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "commands.hpp"
#include "failures.hpp"

namespace bulkhead::cli {

namespace {

struct ReplayCommand {
  std::string file;
  std::uint32_t times = 1;
  bool under_gdb = false;
};

// Leaves this process to gdb, which starts the same command without --gdb.
int debug(const ReplayCommand& command, const std::string& times) {
  std::array<char, 4096> self{};
  const auto size = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
  if (size < 0) throw UsageFailure(std::string("cannot find this program: ") + std::strerror(errno));
  const std::array<const char*, 10> words{"gdb",     "--quiet",     "--args", self.data(),          "replay",
                                          "--times", times.c_str(), "--",     command.file.c_str(), nullptr};
  ::execvp("gdb", const_cast<char* const*>(words.data()));
  throw UsageFailure(std::string("cannot start gdb: ") + std::strerror(errno) + " (install it, or leave out --gdb)");
}

int replay(const ReplayCommand& command) {
  std::string times = std::to_string(command.times);
  if (command.under_gdb) return debug(command, times);
  // This program is its own worker: the call crashes here or nowhere.
  std::string name = "bulkhead";
  std::string role = "--bulkhead-replay";
  std::string file = command.file;
  std::array<char*, 5> arguments{name.data(), role.data(), file.data(), times.data(), nullptr};
  return worker_main(4, arguments.data());
}

}  // namespace

void add_replay_command(CLI::App& app, Program& program) {
  auto* const command = app.add_subcommand("replay", "run a call again that killed its worker, in this process");
  auto parsed = std::make_shared<ReplayCommand>();
  command->add_option("FILE", parsed->file, "what a pool kept: see --dead-letters of bulkhead map")->required();
  command->add_option("--times", parsed->times, "so many times (default: 1)")
      ->type_name("N")
      ->check(CLI::Range(std::uint32_t{1}, std::uint32_t{1'000'000'000}));
  command->add_flag("--gdb", parsed->under_gdb, "under gdb");
  command->footer(
      "It loads the plugin from where it was, with the configuration it had, runs its initialiser and then the\n"
      "one call with the bytes it had: no engine, no other process, no limit. A call that crashes takes this\n"
      "command with it. A plugin that was built anew since is used, with a note.\n\n"
      "Exit code: 0 it returned; 1 it failed; 3 the plugin cannot be used; 4 the file cannot be read;\n"
      "128 + the signal (as shells say it) when it crashed.\n\n"
      "Examples:\n"
      "  bulkhead map --dead-letters crashes --files photos img.resize {} 800\n"
      "  bulkhead replay --gdb crashes/001732104000123-4711-0-img.resize.letter\n"
      "  bulkhead replay --times 1000 crashes/001732104000123-4711-0-img.resize.letter");
  command->callback([&program, parsed] { program.action = [parsed] { return replay(*parsed); }; });
}

}  // namespace bulkhead::cli
