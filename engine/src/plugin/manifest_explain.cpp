// What `bulkhead config explain` shows: each value as one would write it, and where it comes from.

#include <chrono>
#include <limits>
#include <string>

#include "bulkhead/manifest.hpp"
#include "ipc/spin.hpp"
#include "plugin/toml_json.hpp"
#include "support/byte_size.hpp"
#include "support/in_quotes.hpp"
#include "support/logging.hpp"

namespace bulkhead {

namespace {

using std::chrono::nanoseconds;

// As one would write it in the manifest.
std::string written(int value) { return std::to_string(value); }
std::string written(std::uint64_t bytes) { return plugin::json_string(support::byte_size_text(bytes)); }
std::string written(std::uint32_t bytes) { return written(std::uint64_t{bytes}); }
std::string written(bool value) { return value ? "true" : "false"; }
std::string written(const std::string& text) { return plugin::json_string(text); }
std::string written(const char* text) { return plugin::json_string(text); }
std::string written(nanoseconds duration) { return plugin::json_string(text_of(duration)); }
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
  // The manifest's value, else this default.
  template <class T, class Default>
  void add(const std::string& key, const Setting<T>& setting, const Default& value,
           const std::string& where = "default") {
    if (setting.value) return add(key, setting);
    lines_.push_back({key, written(value), setting.is_given() ? source(setting.place) + " (\"auto\")" : where});
  }
  // The same, at most `cap`.
  template <class T, class Default>
  void add_capped(const std::string& key, const Setting<T>& setting, const Default& value, const std::string& where,
                  const Setting<T>& cap, const std::string& cap_name, T none) {
    const bool is_cut = cap.value && none > *cap.value;
    if (!is_cut) return add(key, setting, value, where);
    lines_.push_back({key, written(*cap.value), source(cap.place) + " (" + cap_name + ")"});
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

void add_plugins(Explainer& explainer, const Manifest& manifest) {
  explainer.add("plugin_dirs", manifest.plugin_dirs);
  for (std::size_t i = 0; i < manifest.plugins.size(); ++i) {
    const ManifestPlugin& plugin = manifest.plugins[i];
    const std::string prefix = "plugin[" + std::to_string(i) + "].";
    explainer.add(prefix + "name", plugin.name);
    explainer.add(prefix + "path", plugin.path);
    explainer.add(prefix + "sha256", plugin.sha256);
    explainer.add_json(prefix + "config", plugin.config);
  }
}

// With the defaults that options.hpp promises.
void add_pool_in_force(Explainer& explainer, const Manifest& manifest) {
  constexpr const char* kNone = "none";
  explainer.add("pool.processes", manifest.processes, static_cast<int>(ipc::usable_cpus()));
  explainer.add("pool.min_processes", manifest.min_processes, 1);
  explainer.add("pool.start_method", manifest.start_method, "forkserver");
  explainer.add("pool.plugins", manifest.pool_plugins, "all");
  explainer.add("pool.initializer", manifest.initializer, kNone);
  explainer.add_json("pool.initargs", manifest.initargs);
  explainer.add("pool.init_timeout", manifest.init_timeout, nanoseconds(std::chrono::seconds(8)));
  explainer.add("pool.max_tasks_per_child", manifest.max_tasks_per_child, kNone);
  explainer.add("pool.max_tasks_jitter", manifest.max_tasks_jitter, 0);
  constexpr auto kAnyBytes = std::numeric_limits<std::uint64_t>::max();
  explainer.add_capped("pool.max_rss", manifest.pool_max_rss_bytes, kNone, "default", manifest.max_rss_bytes,
                       "limits.max_rss", manifest.pool_max_rss_bytes.value.value_or(kAnyBytes));
  explainer.add("pool.ring_bytes", manifest.ring_bytes, std::uint32_t{512} << 10);
  explainer.add("pool.max_pending", manifest.max_pending, kNone);
  explainer.add("pool.max_pending_bytes", manifest.max_pending_bytes, kNone);
  explainer.add("pool.when_full", manifest.when_full, "block");
  explainer.add("pool.submit_timeout", manifest.submit_timeout, kNone);
  explainer.add("pool.kill_grace", manifest.kill_grace, nanoseconds(std::chrono::seconds(2)));
  explainer.add("pool.idle_timeout", manifest.idle_timeout, kNone);
  explainer.add("pool.dead_letters", manifest.dead_letters, kNone);
  explainer.add("pool.max_dead_letters", manifest.max_dead_letters, 100);
  explainer.add("pool.preload", manifest.preload, true);
  explainer.add("pool.hygiene", manifest.hygiene, "none");
  explainer.add("pool.quarantine_after", manifest.quarantine_after, kNone);
}

void add_task_in_force(Explainer& explainer, const Manifest& manifest, const CatalogEntry& task) {
  const TaskDefaults defaults = task_defaults(manifest, task.name);
  const std::string prefix = "task." + task.name + '.';
  const std::string author = "plugin " + support::in_quotes(task.plugin);
  const auto limit = [](nanoseconds value) { return value > nanoseconds::zero() ? value : nanoseconds::max(); };
  const auto source_of = [&](nanoseconds value) { return value > nanoseconds::zero() ? author : "default"; };
  explainer.add_capped(prefix + "timeout", defaults.timeout, limit(task.timeout), source_of(task.timeout),
                       manifest.max_timeout, "limits.max_timeout",
                       defaults.timeout.value.value_or(limit(task.timeout)));
  explainer.add(prefix + "soft_timeout", defaults.soft_timeout, limit(task.soft_timeout), source_of(task.soft_timeout));
  if (task.retries > 0 && !task.is_idempotent) {
    explainer.add(
        prefix + "retries", defaults.retries, 0,
        "default (" + author + " says " + std::to_string(task.retries) + ", which counts only for idempotent tasks)");
  } else {
    explainer.add(prefix + "retries", defaults.retries, task.retries, task.retries > 0 ? author : "default");
  }
  explainer.add(prefix + "priority", defaults.priority, 3);
  explainer.add(prefix + "max_running", defaults.max_running, "none");
}

}  // namespace

std::vector<ExplainedSetting> explain(const Manifest& manifest, std::span<const CatalogEntry> tasks) {
  Explainer explainer(manifest);
  add_pool_in_force(explainer, manifest);
  add_plugins(explainer, manifest);
  for (const CatalogEntry& task : tasks) add_task_in_force(explainer, manifest, task);
  explainer.add("log.level", manifest.log_level, "warning");
  explainer.add("log.pattern", manifest.log_pattern, support::Log::kDefaultPattern);
  explainer.add("log.capture", manifest.log_capture, true);
  explainer.add("limits.max_rss", manifest.max_rss_bytes, "none");
  explainer.add("limits.max_timeout", manifest.max_timeout, "none");
  return explainer.take();
}

}  // namespace bulkhead
