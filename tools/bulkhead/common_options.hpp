// Options that every command has, and the engine they lead to.
#pragma once

#include <bulkhead/engine.hpp>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace bulkhead::cli {

class Interrupt;

struct CommonOptions {
  std::string manifest;              // -m
  std::vector<std::string> plugins;  // -p
  std::string worker;                // --worker
  // Where the engine's log goes. Not on the command line; default: standard error.
  std::function<void(int level, std::string_view text)> on_log = {};
  // Who runs callbacks. Not on the command line either.
  Callbacks callbacks = Callbacks::kOwnThread;
};

// What main() runs once the command line is understood. Gives the exit code.
using Action = std::function<int()>;

struct Program {
  CommonOptions common;
  Interrupt* interrupt = nullptr;
  Action action;
};

// -m, -p and --worker, before and after the subcommand's name: both write to `common`.
void add_common_options(CLI::App& app, CommonOptions& common);

// The words after a command's own options: TASK and its arguments. Throws UsageFailure when there is no task, or an
// unknown option in its place.
[[nodiscard]] std::vector<std::string> task_words(const CLI::App& command);
// The same for a command that can do without: empty then.
[[nodiscard]] std::vector<std::string> task_words_if_any(const CLI::App& command);

// -m; else, without -p, the manifest that is found. Throws ManifestError.
[[nodiscard]] std::optional<Manifest> choose_manifest(const CommonOptions& common);

// Where plugins without a path are looked for, and what is there: of a name in several folders the first.
[[nodiscard]] std::vector<std::filesystem::path> plugin_folders();
[[nodiscard]] std::vector<std::filesystem::path> plugins_on_path();

// The engine for one task: of the manifest and the plugins named, else of the task's plugin on the plugin path.
// Throws what Engine throws, and UsageFailure for a name that is no task's.
[[nodiscard]] Engine open_engine_for(const CommonOptions& common, const std::string& task);
// The engine of this manifest together with the plugins named.
[[nodiscard]] Engine open_engine(const CommonOptions& common, Manifest manifest);
// The engine of the plugins on the plugin path, those that can be used; the others are `refused`, with a reason.
[[nodiscard]] Engine open_plugin_path(const CommonOptions& common, std::vector<std::string>& refused);

// Throws TaskNotFound, with the nearest names.
[[nodiscard]] CatalogEntry find_task(Engine& engine, const std::string& task);

}  // namespace bulkhead::cli
