// The manifest: which plugins to use and how, in TOML.
//
// A Manifest is plain data. Each value keeps the line it comes from, so that every message about
// it, and `bulkhead config explain`, can say where to look.
//
// Threads: functions here touch nothing shared; reading the environment is ManifestSearch's alone.
// Failure: ManifestError with file, line and column; what() is the whole message, its place and
// help.
#pragma once

#include <bulkhead/catalog.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead {

// A place in the manifest; both from 1. Line 0: nowhere.
struct SourcePlace {
  int line = 0;    // from 1
  int column = 0;  // from 1
};

// One value, and where it was written.
template <class T>
struct Setting {
  std::optional<T> value;  // empty: not given, or left to the default
  SourcePlace place;       // of the value; line 0: not given
  // Given without a value is a word that asks for the default, where one exists ("auto").
  [[nodiscard]] bool is_given() const noexcept { return place.line > 0; }
};

// [task.img] or [task.img.resize].
struct TaskDefaults {
  Setting<std::chrono::nanoseconds> timeout;       // nanoseconds::max(): "none" was written
  Setting<std::chrono::nanoseconds> soft_timeout;  // the same
  Setting<int> retries;                            // 0 for none
  Setting<int> priority;                           // 0 to 7
  Setting<int> max_running;                        // calls in all workers of a pool at the same time
  SourcePlace place;                               // of the table
};

// [[plugin]]
struct ManifestPlugin {
  Setting<std::string> name;    // unset: whatever the file says
  Setting<std::string> path;    // joined to the manifest's folder; unset: NAME.so on the plugin path
  Setting<std::string> sha256;  // 64 hexadecimal digits
  Setting<std::string> config;  // a JSON object
  SourcePlace place;            // of the table
};

// All that a manifest may say. What a key means is told at PoolOptions and EngineOptions.
struct Manifest {
  std::string file;    // as it was named, or found
  std::string origin;  // how it was found: "BULKHEAD_MANIFEST", "found", …; empty: it was named

  // [pool]
  Setting<int> processes;                            // given without a value: "auto"
  Setting<std::string> start_method;                 // "forkserver", "spawn", "fork" or "thread"
  Setting<std::string> initializer;                  // a task's full name
  Setting<std::string> initargs;                     // a JSON array
  Setting<int> max_tasks_per_child;                  // 1 or more
  Setting<std::chrono::nanoseconds> init_timeout;    // nanoseconds::max(): "none" was written
  Setting<std::uint32_t> ring_bytes;                 // a power of two
  Setting<std::vector<std::string>> pool_plugins;    // names: only these are loaded into workers
  Setting<int> max_tasks_jitter;                     // 0 or more
  Setting<std::uint64_t> pool_max_rss_bytes;         // max_rss; that of [limits] is max_rss_bytes
  Setting<int> max_pending;                          // tasks
  Setting<std::uint64_t> max_pending_bytes;          // of arguments
  Setting<std::string> when_full;                    // "block" or "fail"
  Setting<std::chrono::nanoseconds> submit_timeout;  // nanoseconds::max(): "none" was written
  Setting<std::chrono::nanoseconds> kill_grace;      // likewise
  Setting<std::chrono::nanoseconds> idle_timeout;    // likewise
  Setting<int> min_processes;                        // that idle_timeout leaves
  Setting<std::string> dead_letters;                 // joined to the manifest's folder
  Setting<int> max_dead_letters;                     // files
  Setting<bool> preload;                             // see PoolOptions
  Setting<std::string> hygiene;                      // "none" or "strict"
  Setting<int> quarantine_after;                     // lost workers

  Setting<std::vector<std::string>> plugin_dirs;           // joined to the manifest's folder
  std::vector<ManifestPlugin> plugins;                     // in the order written
  std::map<std::string, TaskDefaults, std::less<>> tasks;  // by "img" or "img.resize"

  // [log]
  Setting<std::string> log_level;    // a level of spdlog's
  Setting<std::string> log_pattern;  // of lines on stderr, with spdlog's placeholders
  Setting<bool> log_capture;         // EngineOptions::capture_output

  // [limits]
  Setting<std::uint64_t> max_rss_bytes;
  Setting<std::chrono::nanoseconds> max_timeout;  // of every task, whoever sets its timeout
};

// What [task.…] says of one task: its own table's values, then its plugin's.
[[nodiscard]] TaskDefaults task_defaults(const Manifest& manifest, std::string_view full_name);

// `timeout` (empty or nanoseconds::max(): none) within [limits] max_timeout.
[[nodiscard]] std::optional<std::chrono::nanoseconds> capped_timeout(const Manifest& manifest,
                                                                     std::optional<std::chrono::nanoseconds> timeout);

// A duration as a manifest has it: "250ms", "5s", "10m"; "none" is nanoseconds::max(). Throws UsageError that says what
// to write instead.
[[nodiscard]] std::chrono::nanoseconds duration_of(std::string_view text);
// The reverse.
[[nodiscard]] std::string text_of(std::chrono::nanoseconds duration);

// One line of `bulkhead config explain`.
struct ExplainedSetting {
  std::string key;     // "pool.processes", "task.img.resize.timeout"
  std::string value;   // as one would write it
  std::string source;  // "bulkhead.toml:3", "plugin \"img\"", "default"
};
// Every setting of the pool and of each of these tasks as it is in force: within [limits], from the manifest, the
// plugin or the default.
[[nodiscard]] std::vector<ExplainedSetting> explain(const Manifest& manifest, std::span<const CatalogEntry> tasks);

// One key of a manifest, as `bulkhead config reference` shows it.
struct ManifestKeyInfo {
  std::string table;     // "pool"; empty: at the file's top
  std::string key;       // "processes"
  std::string value;     // what may be written: "duration", "number from 1", "true or false"
  std::string fallback;  // what holds when it is not written
  std::string meaning;   // what it does, in one line of Markdown
};
// Every key there is, by tables: the same list that manifests are checked against.
[[nodiscard]] std::vector<ManifestKeyInfo> manifest_reference();

// Reads TOML. `file` is for messages, and its folder is where relative paths start.
[[nodiscard]] Manifest parse_manifest(std::string_view text, const std::string& file);

// Reads a file that somebody named: no questions about its owner.
[[nodiscard]] Manifest read_manifest(const std::filesystem::path& file);

// Where to look for a manifest that nobody named.
struct ManifestSearch {
  std::filesystem::path working_directory;                                  // where the search begins
  std::function<std::optional<std::string>(const char* name)> environment;  // a variable's value, if it has one
  uid_t user = 0;                                                           // who may own what is found, besides root
  std::filesystem::path system_directory = "/etc/bulkhead";                 // the last place

  // This process's own.
  [[nodiscard]] static ManifestSearch of_this_process();
};

// $BULKHEAD_MANIFEST; bulkhead.toml in the working directory or a parent, up to the first that
// holds .git or is $HOME; $XDG_CONFIG_HOME/bulkhead/bulkhead.toml; /etc/bulkhead/bulkhead.toml.
// Empty: none. What is found runs native code: unless it, its folder and (for a link) the link
// belong to the user or root and nobody else may write to them, it is an error. Groups of one's own
// (gid = uid) are nobody else; neither are folders with the sticky bit, like /tmp.
[[nodiscard]] std::optional<Manifest> find_manifest(const ManifestSearch& search);

}  // namespace bulkhead
