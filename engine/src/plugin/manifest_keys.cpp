#include "plugin/manifest_keys.hpp"

#include <algorithm>

#include "bulkhead/manifest.hpp"

namespace bulkhead {

namespace plugin {

namespace {

using Kind = ManifestKey::Kind;

constexpr int kMaxProcesses = 4096;
constexpr int kHighestPriority = 7;

// By tables, each in the order in which a person would read it.
constexpr auto kKeys = std::to_array<ManifestKey>({
    {.table = "",
     .key = "plugin_dirs",
     .kind = Kind::kTexts,
     .fallback = "none",
     .meaning =
         "folders in which plugins without a path are looked for, after `$BULKHEAD_PLUGIN_PATH`; relative to the "
         "manifest"},

    {.table = "pool",
     .key = "processes",
     .kind = Kind::kCount,
     .fallback = "\"auto\"",
     .meaning = "workers; `\"auto\"` is one for each processor that may be used",
     .least = 1,
     .most = kMaxProcesses,
     .words = {"auto"}},
    {.table = "pool",
     .key = "min_processes",
     .kind = Kind::kCount,
     .fallback = "1",
     .meaning = "as many workers stay though they have nothing to do (see `idle_timeout`)",
     .least = 1,
     .most = kMaxProcesses},
    {.table = "pool",
     .key = "start_method",
     .kind = Kind::kWord,
     .fallback = "\"forkserver\"",
     .meaning = "how workers begin; see the engine's README",
     .words = {"forkserver", "spawn", "fork", "thread"}},
    {.table = "pool",
     .key = "preload",
     .kind = Kind::kFlag,
     .fallback = "true",
     .meaning = "workers that are replaced or added are forked from a process that has loaded the plugins"},
    {.table = "pool",
     .key = "plugins",
     .kind = Kind::kTexts,
     .fallback = "all",
     .meaning = "names of the plugins that the workers load"},
    {.table = "pool",
     .key = "initializer",
     .kind = Kind::kText,
     .fallback = "none",
     .meaning = "a task, `\"plugin.task\"`, that each worker runs before it is ready"},
    {.table = "pool", .key = "initargs", .kind = Kind::kJsonArray, .fallback = "`[]`", .meaning = "its arguments"},
    {.table = "pool",
     .key = "init_timeout",
     .kind = Kind::kDuration,
     .fallback = "\"8s\"",
     .meaning = "a worker loads its plugins and runs the initialisers within this"},
    {.table = "pool",
     .key = "max_tasks_per_child",
     .kind = Kind::kCount,
     .fallback = "none",
     .meaning = "a worker is replaced after so many tasks",
     .least = 1},
    {.table = "pool",
     .key = "max_tasks_jitter",
     .kind = Kind::kCount,
     .fallback = "0",
     .meaning = "and up to so many more, at random, so that not all are replaced at once"},
    {.table = "pool",
     .key = "max_rss",
     .kind = Kind::kBytes,
     .fallback = "none",
     .meaning = "a worker that has allocated more is replaced after its task, or killed if that goes on"},
    {.table = "pool",
     .key = "idle_timeout",
     .kind = Kind::kDuration,
     .fallback = "\"none\"",
     .meaning = "workers without work leave after this, and come back when there is some"},
    {.table = "pool",
     .key = "kill_grace",
     .kind = Kind::kDuration,
     .fallback = "\"2s\"",
     .meaning = "between SIGTERM and SIGKILL of a worker that is killed for its task"},
    {.table = "pool",
     .key = "max_pending",
     .kind = Kind::kCount,
     .fallback = "none",
     .meaning = "items that may wait for a worker",
     .least = 1},
    {.table = "pool",
     .key = "max_pending_bytes",
     .kind = Kind::kBytes,
     .fallback = "none",
     .meaning = "and the bytes of their arguments"},
    {.table = "pool",
     .key = "when_full",
     .kind = Kind::kWord,
     .fallback = "\"block\"",
     .meaning = "who submits more waits, or has QueueFull",
     .words = {"block", "fail"}},
    {.table = "pool",
     .key = "submit_timeout",
     .kind = Kind::kDuration,
     .fallback = "\"none\"",
     .meaning = "who waits for room has QueueFull after this"},
    {.table = "pool",
     .key = "ring_bytes",
     .kind = Kind::kBytes,
     .fallback = "\"512KiB\"",
     .meaning = "each of a worker's two rings: a power of two from 64KiB to 1GiB"},
    {.table = "pool",
     .key = "dead_letters",
     .kind = Kind::kText,
     .fallback = "none",
     .meaning =
         "a folder for the inputs of attempts that killed their worker (`bulkhead replay`); relative to the manifest"},
    {.table = "pool",
     .key = "max_dead_letters",
     .kind = Kind::kCount,
     .fallback = "100",
     .meaning = "of more, the oldest are removed",
     .least = 1},
    {.table = "pool",
     .key = "hygiene",
     .kind = Kind::kWord,
     .fallback = "\"none\"",
     .meaning = "`\"strict\"`: what a task changes of its process is put back before the next; see the engine's README",
     .words = {"none", "strict"}},
    {.table = "pool",
     .key = "quarantine_after",
     .kind = Kind::kCount,
     .fallback = "none",
     .meaning = "a task that so many calls in a row lost their worker by is not run any more",
     .least = 1},

    {.table = "plugin",
     .key = "name",
     .kind = Kind::kText,
     .fallback = "as the file says",
     .meaning = "without `path`: `NAME.so` on the plugin path"},
    {.table = "plugin",
     .key = "path",
     .kind = Kind::kText,
     .fallback = "by `name`",
     .meaning = "the file, relative to the manifest"},
    {.table = "plugin",
     .key = "sha256",
     .kind = Kind::kText,
     .fallback = "none",
     .meaning = "the file must have this digest (64 hexadecimal digits)"},
    {.table = "plugin",
     .key = "config",
     .kind = Kind::kJsonObject,
     .fallback = "`{}`",
     .meaning = "what the plugin reads with `PluginContext::config()`"},

    {.table = "task",
     .key = "timeout",
     .kind = Kind::kDuration,
     .fallback = "the plugin's",
     .meaning = "an attempt that runs longer is killed with its worker"},
    {.table = "task",
     .key = "soft_timeout",
     .kind = Kind::kDuration,
     .fallback = "the plugin's",
     .meaning = "one that runs longer is told to stop"},
    {.table = "task",
     .key = "retries",
     .kind = Kind::kCount,
     .fallback = "the plugin's",
     .meaning = "further attempts after a failure, a lost worker or a timeout"},
    {.table = "task",
     .key = "priority",
     .kind = Kind::kCount,
     .fallback = "3",
     .meaning = "higher goes first",
     .most = kHighestPriority},
    {.table = "task",
     .key = "max_running",
     .kind = Kind::kCount,
     .fallback = "none",
     .meaning = "so many at the same time, the others wait",
     .least = 1},

    {.table = "log",
     .key = "level",
     .kind = Kind::kWord,
     .fallback = "\"warning\"",
     .meaning = "what is less important is dropped; `$BULKHEAD_LOG` counts more",
     .words = {"trace", "debug", "info", "warning", "error", "critical", "off"}},
    {.table = "log",
     .key = "pattern",
     .kind = Kind::kText,
     .fallback = "\"bulkhead: %l: %v\"",
     .meaning = "of lines on standard error, with spdlog's placeholders"},
    {.table = "log",
     .key = "capture",
     .kind = Kind::kFlag,
     .fallback = "true",
     .meaning = "what workers write to stdout and stderr becomes lines of the log"},

    {.table = "limits",
     .key = "max_rss",
     .kind = Kind::kBytes,
     .fallback = "none",
     .meaning = "no pool's `max_rss` may be more"},
    {.table = "limits",
     .key = "max_timeout",
     .kind = Kind::kDuration,
     .fallback = "\"none\"",
     .meaning = "no task's `timeout` may be more, whoever sets it"},
});

std::string kind_text(const ManifestKey& key) {
  switch (key.kind) {
    case Kind::kText:
      return "text";
    case Kind::kWord: {
      std::string text;
      for (const auto word : words_of(key)) text += (text.empty() ? "\"" : ", \"") + std::string(word) + '"';
      return text;
    }
    case Kind::kCount: {
      std::string text = "number from " + std::to_string(key.least);
      if (key.most != std::numeric_limits<int>::max()) text += " to " + std::to_string(key.most);
      if (!words_of(key).empty()) text += ", or \"" + std::string(key.words.front()) + '"';
      return text;
    }
    case Kind::kDuration:
      return "duration";
    case Kind::kBytes:
      return "size";
    case Kind::kFlag:
      return "true or false";
    case Kind::kTexts:
      return "list of texts";
    case Kind::kJsonArray:
      return "array";
    case Kind::kJsonObject:
      return "table";
  }
  return {};
}

}  // namespace

std::span<const ManifestKey> manifest_keys() noexcept { return kKeys; }

std::span<const ManifestKey> manifest_keys_of(std::string_view table) noexcept {
  const auto first = std::ranges::find(kKeys, table, &ManifestKey::table);
  const auto last = std::find_if(first, kKeys.end(), [&](const auto& key) { return key.table != table; });
  return {first, last};
}

std::span<const std::string_view> words_of(const ManifestKey& key) noexcept {
  const auto end = std::ranges::find(key.words, std::string_view());
  return {key.words.begin(), end};
}

}  // namespace plugin

std::vector<ManifestKeyInfo> manifest_reference() {
  std::vector<ManifestKeyInfo> reference;
  for (const auto& key : plugin::manifest_keys()) {
    reference.push_back({.table = std::string(key.table),
                         .key = std::string(key.key),
                         .value = plugin::kind_text(key),
                         .fallback = std::string(key.fallback),
                         .meaning = std::string(key.meaning)});
  }
  return reference;
}

}  // namespace bulkhead
