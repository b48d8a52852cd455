#include "plugin_check.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "json_text.hpp"
#include "loader_trace.hpp"
#include "same_json.hpp"
#include "shown_list.hpp"

namespace bulkhead::cli {

namespace {

using Level = Finding::Level;

std::string count_text(std::uint64_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

template <class... Values>
std::string printf_text(const char* format, Values... values) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, values...);
  return text.data();
}

std::string in_kibibytes(std::int64_t bytes) { return printf_text("%.1f KiB", static_cast<double>(bytes) / 1024); }

std::string in_milliseconds(std::chrono::nanoseconds time) {
  return printf_text("%.1f ms", std::chrono::duration<double, std::milli>(time).count());
}

class Check {
 public:
  Check(const CommonOptions& common, const CheckOptions& options) : common_(common), options_(options) {}

  CheckReport run() {
    report_.info = inspect_plugin(options_.file);
    const PluginInfo& info = report_.info;
    say(Level::kOk, "file",
        in_kibibytes(static_cast<std::int64_t>(info.bytes)) + ", ABI " + std::to_string(info.abi_major) + "." +
            std::to_string(info.abi_minor) + ", SDK " + info.sdk_version + ", " + info.compiler);
    const auto trace = trace_loader(options_.file);
    check_libraries(trace);
    report_.trial = try_plugin(options_.file, options_.config_json, options_.load_limit);
    check_symbols(trace);
    check_loading(*report_.trial);
    if (report_.can_be_used()) call_examples();
    return std::move(report_);
  }

 private:
  void say(Level level, const char* about, std::string text) {
    report_.findings.push_back({level, about, std::move(text)});
  }

  void check_libraries(const std::optional<LoaderTrace>& trace) {
    const auto& needed = report_.info.needed;
    if (trace && !trace->missing.empty()) {
      return say(Level::kError, "libraries",
                 "not found: " + shown_list(trace->missing) +
                     " (install what has them; for one that lies beside the plugin set its INSTALL_RPATH to $ORIGIN)");
    }
    say(Level::kOk, "libraries",
        needed.empty() ? "needs none" : shown_list(needed) + (trace ? ": found" : ": not looked for"));
  }

  // After the trial: what the worker has by chance, it may not have tomorrow.
  void check_symbols(const std::optional<LoaderTrace>& trace) {
    const bool is_undefined = trace && !trace->undefined.empty();
    if (is_undefined) {
      const bool could_be_loaded = report_.trial->error.empty();
      say(could_be_loaded ? Level::kWarning : Level::kError, "symbols",
          "undefined: " + shown_list(trace->undefined) +
              (could_be_loaded ? " (this worker happens to have them; link the library that does)"
                               : " (link the library that has them, or add the source to the plugin)"));
    }
    const PluginInfo& info = report_.info;
    if (!info.exported.empty()) {
      say(Level::kWarning, "symbols",
          "exports " + count_text(info.exported.size(), "symbol") +
              " beside its entry point: " + shown_list(info.exported) +
              " (a library of the worker that has one of them comes first; build it with bulkhead_add_plugin)");
    }
    if (!info.unique.empty()) {
      say(Level::kWarning, "symbols",
          "shares " + count_text(info.unique.size(), "symbol") +
              " with every plugin in its worker that has them too: " + shown_list(info.unique) +
              " (build it with bulkhead_add_plugin)");
    }
    if (!is_undefined && info.exported.empty()) {
      say(Level::kOk, "symbols",
          trace ? "none undefined, only the entry point exported" : "only the entry point exported");
    }
  }

  void check_loading(const PluginTrial& trial) {
    if (!trial.error.empty()) return say(Level::kError, "loading", trial.error);
    say(Level::kOk, "loading",
        in_milliseconds(trial.load_time) + ", " + in_kibibytes(trial.resident_bytes) + "; initialiser " +
            in_milliseconds(trial.initialiser_time));
    if (trial.threads > 0) {
      say(Level::kWarning, "loading",
          "constructors started " + count_text(static_cast<std::uint64_t>(trial.threads), "thread") +
              " (also in processes that only look at the plugin: start threads in an on_load function)");
    }
    if (trial.output_bytes > 0) {
      constexpr std::size_t kMostShown = 60;
      say(Level::kWarning, "loading",
          "wrote " + count_text(trial.output_bytes, "byte") +
              " to standard output: " + text_to_json(trial.output.substr(0, kMostShown)) +
              " (which a worker's host finds in its stderr; use log() of the PluginContext)");
    }
  }

  void call_examples() {
    const auto has_examples = [](const CatalogEntry& task) { return !task.examples.empty(); };
    if (std::ranges::none_of(report_.info.tasks, has_examples)) return;
    CommonOptions common = common_;
    // Crashes are told by the examples that caused them.
    if (std::getenv("BULKHEAD_LOG") == nullptr) common.on_log = [](int, std::string_view) {};
    common.plugins.clear();
    Manifest manifest;
    ManifestPlugin plugin;
    const SourcePlace place{.line = 1, .column = 1};
    plugin.path = {std::filesystem::absolute(options_.file).string(), place};
    plugin.config = {options_.config_json, place};
    manifest.plugins.push_back(std::move(plugin));
    Engine engine = open_engine(common, std::move(manifest));
    Pool pool = engine.pool({.processes = 1});
    for (const auto& task : report_.info.tasks) {
      for (const auto& example : task.examples) report_.examples.push_back(call(pool, task, example));
    }
  }

  ExampleRun call(Pool& pool, const CatalogEntry& task, const TaskExample& example) const {
    ExampleRun run{.task = task.name, .example = example, .result = {}, .failure = {}};
    try {
      run.result = pool.apply_json_async(task.name, example.arguments, {.timeout = options_.call_limit}).get();
      if (!is_json(example.result)) {
        run.failure = "the example's result is not JSON: " + example.result;
      } else if (!is_same_json(run.result, example.result, task.signature)) {
        run.failure = "returned " + on_one_line(run.result) + ", the example says " + short_json(example.result);
      }
    } catch (const Error& error) {
      run.failure = error.what();
    }
    return run;
  }

  const CommonOptions& common_;
  const CheckOptions& options_;
  CheckReport report_;
};

}  // namespace

bool CheckReport::can_be_used() const {
  return std::ranges::none_of(findings, [](const Finding& finding) { return finding.level == Level::kError; });
}

std::size_t CheckReport::failed_examples() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(examples, [](const ExampleRun& run) { return !run.failure.empty(); }));
}

CheckReport check_plugin(const CommonOptions& common, const CheckOptions& options) {
  return Check(common, options).run();
}

}  // namespace bulkhead::cli
