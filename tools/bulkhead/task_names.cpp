#include "task_names.hpp"

#include <bulkhead/plugin_info.hpp>

namespace bulkhead::cli {

namespace {

namespace fs = std::filesystem;

// Where a plugin without a path lies; empty: nowhere.
fs::path on_plugin_path(const std::string& name) {
  for (const auto& folder : plugin_folders()) {
    std::error_code error;
    if (fs::path file = folder / (name + ".so"); fs::exists(file, error)) return file;
  }
  return {};
}

std::vector<fs::path> plugin_files(const CommonOptions& common) {
  std::vector<fs::path> files(common.plugins.begin(), common.plugins.end());
  const auto manifest = choose_manifest(common);
  if (!manifest) return files.empty() ? plugins_on_path() : files;
  for (const auto& plugin : manifest->plugins) {
    if (plugin.path.value) {
      files.emplace_back(*plugin.path.value);
    } else if (plugin.name.value) {
      files.push_back(on_plugin_path(*plugin.name.value));
    }
  }
  return files;
}

}  // namespace

std::vector<std::string> task_names(const CommonOptions& common) {
  std::vector<std::string> names;
  for (const auto& file : plugin_files(common)) {
    try {
      for (auto& task : inspect_plugin(file).tasks) names.push_back(std::move(task.name));
    } catch (const Error&) {
      continue;  // the command itself will say so
    }
  }
  return names;
}

}  // namespace bulkhead::cli
