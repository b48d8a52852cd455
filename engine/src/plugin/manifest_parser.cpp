#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "bulkhead/manifest.hpp"
#include "plugin/catalogue_note.hpp"
#include "plugin/manifest_limits.hpp"
#include "plugin/manifest_reader.hpp"
#include "plugin/sha256.hpp"
#include "plugin/toml.hpp"
#include "plugin/toml_depth.hpp"
#include "support/byte_size.hpp"
#include "support/in_quotes.hpp"
#include "support/joined_path.hpp"

namespace bulkhead {

namespace {

using support::in_quotes;

using plugin::place_of;
using plugin::raise_manifest_error;
using plugin::TableReader;

// The grammar asks for three; the rest is room for dotted keys in a plugin's configuration.
constexpr std::size_t kMaxKeyParts = 16;
constexpr std::uint64_t kLeastRingBytes = std::uint64_t{64} << 10;
constexpr std::uint64_t kMostRingBytes = std::uint64_t{1} << 30;

// One manifest being read.
class ManifestParser {
 public:
  explicit ManifestParser(const std::string& file) { manifest_.file = file; }

  Manifest parse(std::string_view text) {
    check_limits(text);
    const toml::table root = parse_toml(text);
    const TableReader top(root, "", "", manifest_.file);
    top.check_keys({{"plugins", "write [[plugin]], once per plugin"},
                    {"tasks", "write [task.NAME]"},
                    {"processes", "it belongs in [pool]"},
                    {"start_method", "it belongs in [pool]"},
                    {"max_rss", "it belongs in [limits]"},
                    {"max_timeout", "it belongs in [limits]"}},
                   {"pool", "plugin", "task", "log", "limits"});
    manifest_.plugin_dirs = top.texts("plugin_dirs");
    if (manifest_.plugin_dirs.value) {
      for (std::string& dir : *manifest_.plugin_dirs.value) dir = beside_manifest(dir);
    }
    if (const auto* pool = top.table("pool", "write [pool]")) read_pool(*pool);
    if (const auto* plugins = root.get("plugin")) read_plugins(*plugins);
    if (const auto* tasks = top.table("task", "write [task.NAME]")) read_tasks(*tasks);
    if (const auto* log = top.table("log", "write [log]")) read_log(*log);
    if (const auto* limits = top.table("limits", "write [limits]")) read_limits(*limits);
    check_pool_plugins();
    return std::move(manifest_);
  }

 private:
  void check_limits(std::string_view text) const {
    if (text.size() > plugin::kMaxManifestBytes) {
      raise_manifest_error(manifest_.file, {},
                           "the manifest is larger than " + support::byte_size_text(plugin::kMaxManifestBytes),
                           "is this the right file?");
    }
    if (const auto place = plugin::find_long_key(text, kMaxKeyParts)) {
      raise_manifest_error(manifest_.file, *place, "a key has more than " + std::to_string(kMaxKeyParts) + " parts");
    }
  }

  toml::table parse_toml(std::string_view text) const {
    try {
      return toml::parse(text);  // the file's name it would copy where it may not throw
    } catch (const toml::parse_error& error) {
      // In our form: the parser's begins with a capital.
      const std::string problem = "not valid TOML: " + std::string(error.description());
      const toml::source_position at = error.source().begin;
      raise_manifest_error(manifest_.file, {static_cast<int>(at.line), static_cast<int>(at.column)}, problem);
    }
  }

  // Absolute paths stay as they are.
  [[nodiscard]] std::string beside_manifest(const std::string& path) const {
    return support::joined_path(std::filesystem::path(manifest_.file).parent_path(), path);
  }

  void read_pool(const toml::table& table) {
    const TableReader reader(table, "[pool]", "pool", manifest_.file);
    reader.check_keys({{"workers", "did you mean \"processes\"?"},
                       {"timeout", "it belongs in [task.NAME]; the cap on all is \"max_timeout\" in [limits]"},
                       {"retries", "it belongs in [task.NAME]"},
                       {"priority", "it belongs in [task.NAME]"},
                       {"max_running", "it belongs in [task.NAME]"},
                       {"max_timeout", "it belongs in [limits]"},
                       {"plugin_dirs", "it belongs at the file's top, before the first [table]"},
                       {"maxtasksperchild", "did you mean \"max_tasks_per_child\"?"}});
    manifest_.processes = reader.integer("processes");
    manifest_.start_method = reader.one_of("start_method");
    manifest_.initializer = reader.text("initializer");
    manifest_.initargs = reader.json_array("initargs");
    if (manifest_.initargs.is_given() && !manifest_.initializer.is_given()) {
      reader.fail(manifest_.initargs.place, reader.name_of("initargs") + " needs an \"initializer\"",
                  "add initializer = \"PLUGIN.TASK\"");
    }
    manifest_.max_tasks_per_child = reader.integer("max_tasks_per_child");
    manifest_.init_timeout = reader.duration("init_timeout");
    const Setting<std::uint64_t> ring = reader.byte_size("ring_bytes");
    if (ring.value) {
      const bool is_power_of_two = (*ring.value & (*ring.value - 1)) == 0;
      if (!is_power_of_two || *ring.value < kLeastRingBytes || *ring.value > kMostRingBytes) {
        reader.fail(ring.place,
                    reader.name_of("ring_bytes") + " must be a power of two from " +
                        support::byte_size_text(kLeastRingBytes) + " to " + support::byte_size_text(kMostRingBytes),
                    "the default is \"512KiB\"");
      }
      manifest_.ring_bytes = {static_cast<std::uint32_t>(*ring.value), ring.place};
    }
    manifest_.pool_plugins = reader.texts("plugins");
    manifest_.max_tasks_jitter = reader.integer("max_tasks_jitter");
    manifest_.pool_max_rss_bytes = reader.byte_size("max_rss");
    manifest_.max_pending = reader.integer("max_pending");
    manifest_.max_pending_bytes = reader.byte_size("max_pending_bytes");
    manifest_.when_full = reader.one_of("when_full");
    manifest_.submit_timeout = reader.duration("submit_timeout");
    manifest_.kill_grace = reader.duration("kill_grace");
    manifest_.idle_timeout = reader.duration("idle_timeout");
    manifest_.min_processes = reader.integer("min_processes");
    manifest_.dead_letters = reader.text("dead_letters");
    if (manifest_.dead_letters.value) manifest_.dead_letters.value = beside_manifest(*manifest_.dead_letters.value);
    manifest_.max_dead_letters = reader.integer("max_dead_letters");
    manifest_.preload = reader.flag("preload");
    manifest_.hygiene = reader.one_of("hygiene");
    manifest_.quarantine_after = reader.integer("quarantine_after");
    const auto most = manifest_.processes.value;
    if (most && manifest_.min_processes.value.value_or(1) > *most) {
      reader.fail(manifest_.min_processes.place,
                  reader.name_of("min_processes") + " is more than \"processes\", which is " + std::to_string(*most),
                  "write at most " + std::to_string(*most));
    }
  }

  void read_plugins(const toml::node& node) {
    const auto* array = node.as_array();
    if (array == nullptr) {
      raise_manifest_error(manifest_.file, place_of(node), "\"plugin\" must be an array of tables",
                           "write [[plugin]] with two brackets, once per plugin");
    }
    for (const toml::node& element : *array) {
      const auto* table = element.as_table();
      if (table == nullptr) {
        raise_manifest_error(manifest_.file, place_of(element), "each \"plugin\" must be a table",
                             "write [[plugin]], once per plugin");
      }
      read_plugin(*table);
    }
  }

  void read_plugin(const toml::table& table) {
    const TableReader reader(table, "[[plugin]]", "plugin", manifest_.file);
    reader.check_keys({{"timeout", "it belongs in [task.NAME]"}, {"retries", "it belongs in [task.NAME]"}});
    ManifestPlugin entry;
    entry.place = place_of(table);
    entry.name = reader.text("name");
    entry.path = reader.text("path");
    entry.sha256 = reader.text("sha256");
    entry.config = reader.json_object("config");
    if (!entry.name.value && !entry.path.value) {
      reader.fail(entry.place, "a [[plugin]] needs a \"name\" or a \"path\"",
                  "add path = \"FILE.so\", or the name of one on the plugin path");
    }
    if (entry.name.value && !plugin::is_name(*entry.name.value)) {
      reader.fail(entry.name.place, in_quotes(*entry.name.value) + " cannot be a plugin's name",
                  "names are letters, digits and _, at most 64, and start with no digit");
    }
    if (entry.sha256.value && !plugin::is_sha256_hex(*entry.sha256.value)) {
      reader.fail(entry.sha256.place, reader.name_of("sha256") + " must be 64 hexadecimal digits",
                  "sha256sum FILE.so prints them");
    }
    for (const ManifestPlugin& other : manifest_.plugins) {
      if (!entry.name.value || other.name.value != entry.name.value) continue;
      reader.fail(entry.name.place,
                  "a second plugin " + in_quotes(*entry.name.value) + " (the first is in line " +
                      std::to_string(other.name.place.line) + ")",
                  "leave one out");
    }
    if (entry.path.value) entry.path.value = beside_manifest(*entry.path.value);
    manifest_.plugins.push_back(std::move(entry));
  }

  // [task.img], [task.img.resize] and [task."img.resize"].
  void read_tasks(const toml::table& tasks) {
    for (const auto& [key, node] : tasks) {
      const std::string name(key.str());
      const auto* table = node.as_table();
      if (table == nullptr) {
        raise_manifest_error(manifest_.file, place_of(key), "\"" + name + "\" in [task] must be a table",
                             "write [task." + name + "], once");
      }
      const auto dot = name.find('.');
      const bool is_task = dot != std::string::npos;
      if (!plugin::is_name(name.substr(0, dot)) || (is_task && !plugin::is_name(name.substr(dot + 1)))) {
        raise_manifest_error(manifest_.file, place_of(key), in_quotes(name) + " is not the name of a plugin or a task",
                             "write [task.PLUGIN] or [task.PLUGIN.TASK]");
      }
      if (is_task) {
        add_defaults(name, *table, TableReader::Inner::kNone);
      } else {
        read_plugin_tasks(name, *table);
      }
    }
  }

  // The plugin's own defaults, with one table inside for each task. (A task that is called
  // "timeout" can only have the other form, [task."img.timeout"].)
  void read_plugin_tasks(const std::string& plugin_name, const toml::table& table) {
    const auto is_task = [](const auto& item) { return item.second.is_table(); };
    // [task.img.resize] alone makes a table "img" that nobody wrote.
    if (table.empty() || !std::all_of(table.begin(), table.end(), is_task)) {
      add_defaults(plugin_name, table, TableReader::Inner::kTables);
    }
    for (const auto& [key, node] : table) {
      const auto* task = node.as_table();
      if (task == nullptr) continue;
      const std::string task_name(key.str());
      if (!plugin::is_name(task_name)) {
        raise_manifest_error(manifest_.file, place_of(key),
                             in_quotes(task_name) + " is not the name of a task of " + in_quotes(plugin_name),
                             "write [task." + plugin_name + ".TASK]");
      }
      add_defaults(plugin_name + '.' + task_name, *task, TableReader::Inner::kNone);
    }
  }

  void add_defaults(const std::string& name, const toml::table& table, TableReader::Inner inner) {
    const SourcePlace place = place_of(table);
    const auto other = manifest_.tasks.find(name);
    if (other != manifest_.tasks.end()) {
      // Tables come in no particular order: the later one is the second.
      const bool is_later = place.line >= other->second.place.line;
      const SourcePlace second = is_later ? place : other->second.place;
      const SourcePlace first = is_later ? other->second.place : place;
      raise_manifest_error(
          manifest_.file, second,
          "a second table for task \"" + name + "\" (the first is in line " + std::to_string(first.line) + ")",
          "put both into one");
    }
    const TableReader reader(table, "[task." + name + "]", "task", manifest_.file);
    reader.check_keys({{"deadline", "a deadline is of a single call; did you mean \"timeout\"?"},
                       {"config", "it belongs in [[plugin]]"},
                       {"max_timeout", "it belongs in [limits]"},
                       {"max_rss", "it belongs in [limits]"}},
                      {}, inner);
    TaskDefaults defaults;
    defaults.place = place;
    defaults.timeout = reader.duration("timeout");
    defaults.soft_timeout = reader.duration("soft_timeout");
    defaults.retries = reader.integer("retries");
    defaults.priority = reader.integer("priority");
    defaults.max_running = reader.integer("max_running");
    manifest_.tasks.emplace(name, defaults);
  }

  void read_log(const toml::table& table) {
    const TableReader reader(table, "[log]", "log", manifest_.file);
    reader.check_keys({{"format", "did you mean \"pattern\"?"}});
    manifest_.log_level = reader.one_of("level");
    manifest_.log_pattern = reader.text("pattern");
    manifest_.log_capture = reader.flag("capture");
  }

  void read_limits(const toml::table& table) {
    const TableReader reader(table, "[limits]", "limits", manifest_.file);
    reader.check_keys({{"timeout", "it belongs in [task.NAME]; did you mean \"max_timeout\"?"},
                       {"processes", "it belongs in [pool]"}});
    manifest_.max_rss_bytes = reader.byte_size("max_rss");
    manifest_.max_timeout = reader.duration("max_timeout");
  }

  // Only names the manifest itself gives can be checked here; a plugin without one may have any.
  void check_pool_plugins() const {
    if (!manifest_.pool_plugins.value) return;
    for (const std::string& name : *manifest_.pool_plugins.value) {
      bool is_known = false;
      for (const ManifestPlugin& entry : manifest_.plugins) {
        is_known = is_known || !entry.name.value || *entry.name.value == name;
      }
      if (!is_known) {
        raise_manifest_error(manifest_.file, manifest_.pool_plugins.place,
                             "\"plugins\" in [pool] names " + in_quotes(name) + ", which no [[plugin]] has",
                             "add a [[plugin]] with name = " + in_quotes(name));
      }
    }
  }

  Manifest manifest_;
};

}  // namespace

Manifest parse_manifest(std::string_view text, const std::string& file) { return ManifestParser(file).parse(text); }

}  // namespace bulkhead
