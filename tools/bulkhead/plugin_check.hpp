// Is this file a good plugin? Everything that can be found out by reading it, loading it once and calling its examples.
//
// Ownership: values.
// Threads:   one, and the only one of this program.
#pragma once

#include <bulkhead/plugin_info.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common_options.hpp"
#include "plugin_trial.hpp"

namespace bulkhead::cli {

struct CheckOptions {
  std::string file;
  std::string config_json = "{}";
  std::chrono::milliseconds load_limit{10'000};
  std::optional<std::chrono::nanoseconds> call_limit = std::chrono::seconds(10);
};

struct Finding {
  enum class Level : std::uint8_t { kOk, kWarning, kError };
  Level level = Level::kOk;
  std::string about;  // "libraries"
  std::string text;
};

// One example of a task, called.
struct ExampleRun {
  std::string task;
  TaskExample example;
  std::string result;   // JSON; empty when it failed
  std::string failure;  // empty: it returned what the example says
};

struct CheckReport {
  PluginInfo info;
  std::vector<Finding> findings;
  std::optional<PluginTrial> trial;
  std::vector<ExampleRun> examples;

  [[nodiscard]] bool can_be_used() const;
  [[nodiscard]] std::size_t failed_examples() const;
};

// Throws PluginError when the file is no plugin at all, and what the engine throws when it cannot run.
[[nodiscard]] CheckReport check_plugin(const CommonOptions& common, const CheckOptions& options);

}  // namespace bulkhead::cli
