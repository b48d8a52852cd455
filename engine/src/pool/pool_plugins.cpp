#include "pool/pool_plugins.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "bulkhead/error.hpp"
#include "plugin/catalogue.hpp"
#include "plugin/nearest_names.hpp"
#include "pool/pool_settings.hpp"
#include "support/in_quotes.hpp"

namespace bulkhead::pool {

namespace {

using support::in_quotes;

void check_name(const std::string& name, const plugin::Catalogue& catalogue) {
  if (catalogue.find_plugin(name) != nullptr) return;
  std::vector<std::string_view> known;
  for (const auto& plugin : catalogue.plugins()) known.push_back(plugin.name);
  const auto nearest = plugin::nearest_names(name, known);
  std::string text = "no plugin " + in_quotes(name) + " for a pool's plugins";
  if (!nearest.empty()) {
    text += " (" + plugin::did_you_mean(nearest) + ")";
  } else {
    text += " (the engine has";
    for (const std::string_view other : known) text += (other == known.front() ? " " : ", ") + in_quotes(other);
    text += ")";
  }
  refuse_options(std::move(text));
}

}  // namespace

PoolPlugins choose_plugins(const std::vector<process::PluginToLoad>& all,
                           const std::shared_ptr<const TaskDirectory>& directory, const Manifest& manifest,
                           const std::vector<std::string>& names) {
  const plugin::Catalogue& catalogue = directory->catalogue();
  if (names.empty()) refuse_options("a pool needs at least one plugin (leave the option out for all of the engine's)");
  for (const std::string& name : names) check_name(name, catalogue);
  PoolPlugins chosen;
  plugin::Catalogue part;
  std::vector<std::string> left_out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const plugin::PluginEntry& entry = catalogue.plugins()[i];
    if (std::find(names.begin(), names.end(), entry.name) == names.end()) {
      left_out.push_back(entry.name);
    } else {
      chosen.to_load.push_back(all[i]);
      part.add(entry);
    }
  }
  chosen.directory = left_out.empty()
                         ? directory
                         : std::make_shared<const TaskDirectory>(std::move(part), manifest, std::move(left_out));
  return chosen;
}

}  // namespace bulkhead::pool
