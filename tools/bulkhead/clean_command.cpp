// bulkhead clean: removes what processes that were killed left in /dev/shm.
//
// A pool's doorbells (named semaphores) lose their names as soon as their worker has opened them. A program that is
// killed within that moment leaves one behind: sem.bulkhead.PID.RANDOM.

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.hpp"
#include "failures.hpp"
#include "output.hpp"

namespace bulkhead::cli {

namespace {

constexpr std::string_view kFolder = "/dev/shm";
constexpr std::string_view kPrefix = "sem.bulkhead.";

// The process that made it; empty for a name that is not ours.
std::optional<pid_t> creator_of(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  const bool is_ours = error == std::errc() && pid > 0 && end != name.data() + name.size() && *end == '.';
  return is_ours ? std::optional(pid) : std::nullopt;
}

bool is_alive(pid_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

int clean(bool is_dry_run, bool as_json) {
  std::vector<std::string> stale;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(kFolder, error), end; !error && entry != end; entry.increment(error)) {
    const auto creator = creator_of(entry->path().filename().string());
    if (creator && !is_alive(*creator)) stale.push_back(entry->path());
  }
  if (error) throw IoFailure("cannot list \"" + std::string(kFolder) + "\": " + error.message());
  std::ranges::sort(stale);
  int exit_code = kDone;
  Output output;
  auto list = nlohmann::ordered_json::array();
  for (const auto& file : stale) {
    if (!is_dry_run && ::unlink(file.c_str()) != 0 && errno != ENOENT) {
      std::fprintf(stderr, "error: cannot remove \"%s\": %s\n", file.c_str(), std::strerror(errno));
      exit_code = kCannotRun;
      continue;
    }
    list.push_back(file);
    if (!as_json) output.add_line((is_dry_run ? "would remove " : "removed ") + file);
  }
  if (as_json) output.add_line(list.dump());
  if (!as_json && stale.empty()) output.add_line("nothing to remove");
  output.finish();
  return exit_code;
}

}  // namespace

void add_clean_command(CLI::App& app, Program& program) {
  auto* const command = app.add_subcommand("clean", "remove semaphores that killed processes left in /dev/shm");
  auto is_dry_run = std::make_shared<bool>(false);
  auto as_json = std::make_shared<bool>(false);
  command->add_flag("-n,--dry-run", *is_dry_run, "only say what would be removed");
  command->add_flag("--json", *as_json, "the files as a JSON array");
  command->footer(
      "Only names of processes that no longer exist are removed. Process numbers are those of this\n"
      "container: do not run it where several containers share one /dev/shm.\n\n"
      "Examples:\n"
      "  bulkhead clean --dry-run\n"
      "  bulkhead clean");
  command->callback([&program, is_dry_run, as_json] {
    program.action = [is_dry_run, as_json] { return clean(*is_dry_run, *as_json); };
  });
}

}  // namespace bulkhead::cli
