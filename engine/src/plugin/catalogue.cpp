#include "plugin/catalogue.hpp"

#include <algorithm>
#include <utility>

#include "bulkhead/error.hpp"
#include "bulkhead/sdk/abi.h"
#include "plugin/nearest_names.hpp"
#include "support/in_quotes.hpp"

namespace bulkhead::plugin {

namespace {

using support::in_quotes;

// Long names are cut: a message is read by people.
std::string shown_name(std::string_view name) {
  constexpr std::size_t kMaxShown = 140;
  return in_quotes(name.size() <= kMaxShown ? name : std::string(name.substr(0, kMaxShown)) + "…");
}

}  // namespace

std::uint32_t Catalogue::add(PluginEntry plugin) {
  if (const PluginEntry* other = find_plugin(plugin.name)) {
    detail::raise<PluginError>("two plugins are called " + in_quotes(plugin.name) + ": " + in_quotes(other->path) +
                                   " and " + in_quotes(plugin.path) +
                                   " (leave one out, or rename one in its BULKHEAD_PLUGIN)",
                               {.path = plugin.path, .reason = PluginError::Reason::kDuplicate});
  }
  const auto index = static_cast<std::uint32_t>(plugins_.size());
  for (TaskEntry& task : plugin.tasks) task.plugin_index = index;
  plugins_.push_back(std::move(plugin));
  for (const TaskEntry& task : plugins_.back().tasks) by_name_.emplace(task.name, &task);
  return index;
}

const TaskEntry* Catalogue::find(std::string_view full_name) const {
  const auto found = by_name_.find(full_name);
  return found == by_name_.end() ? nullptr : found->second;
}

const PluginEntry* Catalogue::find_plugin(std::string_view name) const {
  for (const PluginEntry& plugin : plugins_) {
    if (plugin.name == name) return &plugin;
  }
  return nullptr;
}

const TaskEntry& Catalogue::at_or_throw(std::string_view full_name) const {
  if (const TaskEntry* task = find(full_name)) {
    if (task->required_flags == 0) return *task;
    const PluginEntry& plugin = plugins_[task->plugin_index];
    detail::raise<PluginError>("task " + in_quotes(full_name) + " of " + in_quotes(plugin.path) +
                                   " needs features that this engine does not have (use a newer engine, or rebuild the "
                                   "plugin against this engine's SDK)",
                               {.path = plugin.path, .reason = PluginError::Reason::kWrongAbi});
  }

  std::vector<std::string_view> names;
  names.reserve(by_name_.size());
  for (const auto& [name, task] : by_name_) names.push_back(name);
  TaskNotFound::Info info{.task = std::string(full_name), .nearest = nearest_names(full_name, names)};

  const std::string_view plugin_name = full_name.substr(0, full_name.find('.'));
  std::string text = "no task " + shown_name(full_name);
  if (plugins_.empty()) {
    text += ": no plugin is loaded (name one in the manifest, or pass its file)";
  } else if (!info.nearest.empty()) {
    text += " (" + did_you_mean(info.nearest) + ")";
  } else if (find_plugin(plugin_name) == nullptr) {
    text += ": no plugin " + shown_name(plugin_name) + " is loaded (loaded: ";
    for (std::size_t i = 0; i < plugins_.size(); ++i) {
      constexpr std::size_t kMaxListed = 8;
      if (i == kMaxListed) {
        text += ", …";
        break;
      }
      text += (i > 0 ? ", " : "") + in_quotes(plugins_[i].name);
    }
    text += ")";
  } else {
    text += ": plugin " + in_quotes(plugin_name) + " has none like it (bulkhead tasks lists them)";
  }
  detail::raise<TaskNotFound>(std::move(text), std::move(info));
}

void Catalogue::set_shapes(std::uint32_t plugin_index, const PluginEntry& loaded) {
  std::vector<TaskEntry>& tasks = plugins_.at(plugin_index).tasks;
  for (std::size_t i = 0; i < tasks.size(); ++i) tasks[i].shape = loaded.tasks.at(i).shape;
}

std::vector<const TaskEntry*> Catalogue::tasks() const {
  std::vector<const TaskEntry*> all;
  all.reserve(by_name_.size());
  for (const PluginEntry& plugin : plugins_) {
    for (const TaskEntry& task : plugin.tasks) all.push_back(&task);
  }
  return all;
}

std::vector<CatalogEntry> catalog_entries(const Catalogue& catalogue) {
  std::vector<CatalogEntry> entries;
  for (const PluginEntry& plugin : catalogue.plugins()) {
    for (const TaskEntry& task : plugin.tasks) {
      entries.push_back({.name = task.name,
                         .signature = task.signature,
                         .plugin = plugin.name,
                         .version = plugin.version,
                         .doc = task.doc,
                         .param_names = task.param_names,
                         .timeout = task.timeout,
                         .soft_timeout = task.soft_timeout,
                         .retries = std::max(task.retries, 0),
                         .is_idempotent = (task.flags & BULKHEAD_TASK_IDEMPOTENT) != 0,
                         .examples = task.examples});
    }
  }
  return entries;
}

}  // namespace bulkhead::plugin
