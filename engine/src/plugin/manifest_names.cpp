#include "plugin/manifest_names.hpp"

#include <string>
#include <string_view>
#include <vector>

#include "plugin/manifest_reader.hpp"
#include "plugin/nearest_names.hpp"
#include "support/in_quotes.hpp"

namespace bulkhead::plugin {

namespace {

using support::in_quotes;

std::vector<std::string_view> task_names(const Catalogue& catalogue) {
  std::vector<std::string_view> names;
  for (const TaskEntry* task : catalogue.tasks()) names.push_back(task->name);
  return names;
}

std::vector<std::string_view> plugin_names(const Catalogue& catalogue) {
  std::vector<std::string_view> names;
  for (const PluginEntry& plugin : catalogue.plugins()) names.push_back(plugin.name);
  return names;
}

}  // namespace

void check_names(const Manifest& manifest, const Catalogue& catalogue) {
  const auto need_plugin = [&](std::string_view name, SourcePlace place, const std::string& where) {
    if (catalogue.find_plugin(name) != nullptr) return;
    raise_manifest_error(manifest.file, place, "no plugin " + in_quotes(name) + " for " + where,
                         did_you_mean(nearest_names(name, plugin_names(catalogue))));
  };
  const auto need_task = [&](std::string_view name, SourcePlace place, const std::string& where) {
    if (catalogue.find(name) != nullptr) return;
    raise_manifest_error(manifest.file, place, "no task " + in_quotes(name) + " for " + where,
                         did_you_mean(nearest_names(name, task_names(catalogue))));
  };
  for (const auto& [name, defaults] : manifest.tasks) {
    const std::string where = "[task." + name + "]";
    if (name.find('.') == std::string::npos) {
      need_plugin(name, defaults.place, where);
    } else {
      need_task(name, defaults.place, where);
    }
  }
  if (manifest.initializer.value) {
    need_task(*manifest.initializer.value, manifest.initializer.place, "\"initializer\" in [pool]");
  }
  if (manifest.pool_plugins.value) {
    for (const std::string& name : *manifest.pool_plugins.value) {
      need_plugin(name, manifest.pool_plugins.place, "\"plugins\" in [pool]");
    }
  }
}

}  // namespace bulkhead::plugin
