#include <algorithm>
#include <string>

#include "bulkhead/manifest.hpp"
#include "plugin/toml_json.hpp"
#include "support/byte_size.hpp"
#include "support/duration_text.hpp"

namespace bulkhead {

namespace {

// As one would write it in the manifest.
std::string written(int value) { return std::to_string(value); }
std::string written(std::uint64_t bytes) { return plugin::json_string(support::byte_size_text(bytes)); }
std::string written(std::uint32_t bytes) { return written(std::uint64_t{bytes}); }
std::string written(const std::string& text) { return plugin::json_string(text); }
std::string written(std::chrono::nanoseconds duration) {
  if (duration == std::chrono::nanoseconds::max()) return "\"none\"";
  return plugin::json_string(support::duration_text(duration));
}
std::string written(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + written(text);
  return '[' + list + ']';
}

class Explainer {
 public:
  explicit Explainer(const Manifest& manifest) : manifest_(manifest) {}

  template <class T>
  void add(const std::string& key, const Setting<T>& setting) {
    if (!setting.is_given()) return;
    lines_.push_back({key, setting.value ? written(*setting.value) : "\"auto\"", source(setting.place)});
  }
  // The value is JSON already.
  void add_json(const std::string& key, const Setting<std::string>& setting) {
    if (setting.value) lines_.push_back({key, *setting.value, source(setting.place)});
  }
  [[nodiscard]] std::vector<ExplainedSetting> take() { return std::move(lines_); }

 private:
  [[nodiscard]] std::string source(SourcePlace place) const {
    return manifest_.file + ':' + std::to_string(place.line);
  }

  const Manifest& manifest_;
  std::vector<ExplainedSetting> lines_;
};

template <class T>
void prefer(Setting<T>& setting, const Setting<T>& other) {
  if (other.is_given()) setting = other;
}

}  // namespace

TaskDefaults task_defaults(const Manifest& manifest, std::string_view full_name) {
  TaskDefaults merged;
  for (const std::string_view name : {full_name.substr(0, full_name.find('.')), full_name}) {
    const auto found = manifest.tasks.find(name);
    if (found == manifest.tasks.end()) continue;
    prefer(merged.timeout, found->second.timeout);
    prefer(merged.soft_timeout, found->second.soft_timeout);
    prefer(merged.retries, found->second.retries);
    prefer(merged.priority, found->second.priority);
    merged.place = found->second.place;
  }
  return merged;
}

std::optional<std::chrono::nanoseconds> capped_timeout(const Manifest& manifest,
                                                       std::optional<std::chrono::nanoseconds> timeout) {
  if (!manifest.max_timeout.value) return timeout;
  return std::min(timeout.value_or(std::chrono::nanoseconds::max()), *manifest.max_timeout.value);
}

std::vector<ExplainedSetting> explain(const Manifest& manifest) {
  Explainer explainer(manifest);
  explainer.add("pool.processes", manifest.processes);
  explainer.add("pool.start_method", manifest.start_method);
  explainer.add("pool.initializer", manifest.initializer);
  explainer.add_json("pool.initargs", manifest.initargs);
  explainer.add("pool.max_tasks_per_child", manifest.max_tasks_per_child);
  explainer.add("pool.init_timeout", manifest.init_timeout);
  explainer.add("pool.ring_bytes", manifest.ring_bytes);
  explainer.add("pool.plugins", manifest.pool_plugins);
  explainer.add("plugin_dirs", manifest.plugin_dirs);
  for (std::size_t i = 0; i < manifest.plugins.size(); ++i) {
    const ManifestPlugin& plugin = manifest.plugins[i];
    const std::string prefix = "plugin[" + std::to_string(i) + "].";
    explainer.add(prefix + "name", plugin.name);
    explainer.add(prefix + "path", plugin.path);
    explainer.add(prefix + "sha256", plugin.sha256);
    explainer.add_json(prefix + "config", plugin.config);
  }
  for (const auto& [name, defaults] : manifest.tasks) {
    const std::string prefix = "task." + name + '.';
    explainer.add(prefix + "timeout", defaults.timeout);
    explainer.add(prefix + "soft_timeout", defaults.soft_timeout);
    explainer.add(prefix + "retries", defaults.retries);
    explainer.add(prefix + "priority", defaults.priority);
  }
  explainer.add("limits.max_rss", manifest.max_rss_bytes);
  explainer.add("limits.max_timeout", manifest.max_timeout);
  return explainer.take();
}

}  // namespace bulkhead
