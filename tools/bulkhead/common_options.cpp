#include "common_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "failures.hpp"

namespace bulkhead::cli {

namespace fs = std::filesystem;

void add_common_options(CLI::App& app, CommonOptions& common) {
  app.add_option_function<std::string>(
         "-m,--manifest", [&common](const std::string& file) { common.manifest = file; },
         "use this manifest (default: $BULKHEAD_MANIFEST, bulkhead.toml here or above, …)")
      ->type_name("FILE");
  // Each occurrence takes one word: a greedy list would swallow the task's name.
  app.add_option_function<std::string>(
         "-p,--plugin", [&common](const std::string& file) { common.plugins.push_back(file); },
         "use this plugin (repeatable); without -m no manifest is looked for")
      ->type_name("FILE.so")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->trigger_on_parse();
  app.add_option_function<std::string>(
         "--worker", [&common](const std::string& file) { common.worker = file; },
         "the worker program (default: $BULKHEAD_WORKER, or where it was installed)")
      ->type_name("PROGRAM");
}

std::vector<std::string> task_words(const CLI::App& command) {
  auto words = task_words_if_any(command);
  if (words.empty()) {
    throw UsageFailure("which task? (bulkhead " + command.get_name() + " TASK …; bulkhead tasks lists them)");
  }
  return words;
}

std::vector<std::string> task_words_if_any(const CLI::App& command) {
  auto words = command.remaining();
  if (!words.empty() && words.front() == "--") words.erase(words.begin());
  if (!words.empty() && words.front().starts_with('-')) {
    throw UsageFailure("unknown option \"" + words.front() + "\" (see bulkhead " + command.get_name() + " --help)");
  }
  return words;
}

namespace {

EngineOptions engine_options(const CommonOptions& common) {
  EngineOptions options;
  if (!common.worker.empty()) options.worker_program = common.worker;
  options.on_log = common.on_log;
  options.callbacks = common.callbacks;
  return options;
}

// What a manifest would have said; the place only has to be one.
template <class T>
Setting<T> setting(T value) {
  return {std::move(value), {.line = 1, .column = 1}};
}

}  // namespace

std::vector<fs::path> plugin_folders() {
  std::vector<fs::path> folders;
  const auto environment = [](const char* name) {
    const char* const value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  const std::string path = environment("BULKHEAD_PLUGIN_PATH");
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    if (end > begin) folders.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  if (const auto home = environment("HOME"); !home.empty()) {
    folders.push_back(fs::path(home) / ".local/lib/bulkhead/plugins");
  }
  folders.push_back(fs::path(BULKHEAD_LIBDIR) / "bulkhead/plugins");
  return folders;
}

std::optional<Manifest> choose_manifest(const CommonOptions& common) {
  if (!common.manifest.empty()) return read_manifest(common.manifest);
  if (!common.plugins.empty()) return std::nullopt;
  return find_manifest(ManifestSearch::of_this_process());
}

Engine open_engine(const CommonOptions& common, Manifest manifest) {
  for (const auto& file : common.plugins) {
    ManifestPlugin plugin;
    plugin.path = setting(fs::absolute(file).string());
    manifest.plugins.push_back(std::move(plugin));
  }
  return Engine::from_manifest(std::move(manifest), engine_options(common));
}

Engine open_engine_for(const CommonOptions& common, const std::string& task) {
  if (auto manifest = choose_manifest(common)) return open_engine(common, std::move(*manifest));
  if (!common.plugins.empty()) {
    return Engine::from_plugins({common.plugins.begin(), common.plugins.end()}, engine_options(common));
  }
  const auto dot = task.find('.');
  const bool is_name = dot != std::string::npos && dot > 0 && task.find('/') == std::string::npos;
  if (!is_name) {
    throw UsageFailure("\"" + task + "\" is no task's name: that is PLUGIN.TASK, as in \"digest.sha256\"");
  }
  Manifest manifest;
  ManifestPlugin plugin;
  plugin.name = setting(task.substr(0, dot));
  manifest.plugins.push_back(std::move(plugin));
  return Engine::from_manifest(std::move(manifest), engine_options(common));
}

std::vector<fs::path> plugins_on_path() {
  std::vector<fs::path> files;
  std::vector<std::string> names;
  for (const auto& folder : plugin_folders()) {
    std::vector<fs::path> here;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      if (entry->path().extension() == ".so") here.push_back(entry->path());
    }
    std::ranges::sort(here);
    for (auto& file : here) {
      // The first folder that has a plugin of this name counts, as when a task is looked up.
      if (std::ranges::find(names, file.filename().string()) != names.end()) continue;
      names.push_back(file.filename().string());
      files.push_back(std::move(file));
    }
  }
  return files;
}

Engine open_plugin_path(const CommonOptions& common, std::vector<std::string>& refused) {
  auto files = plugins_on_path();
  for (;;) {
    try {
      return Engine::from_plugins(files, engine_options(common));
    } catch (const PluginError& error) {
      const auto bad = std::ranges::find(files, fs::path(error.path()));
      if (bad == files.end()) throw;
      refused.emplace_back(error.what());
      files.erase(bad);
    }
  }
}

CatalogEntry find_task(Engine& engine, const std::string& task) {
  for (auto& entry : engine.tasks()) {
    if (entry.name == task) return std::move(entry);
  }
  // The pool knows the nearest names.
  Pool pool = engine.pool({.processes = 1});
  (void)pool.apply_json_async(task, "[]");
  throw UsageFailure("no task \"" + task + "\"");
}

}  // namespace bulkhead::cli
