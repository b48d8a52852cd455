#include "plugin_trial.hpp"

#include <bulkhead/worker_main.hpp>

#include <array>
#include <sstream>

#include "watched_child.hpp"

namespace bulkhead::cli {

namespace {

// This program is its own worker program.
int run_trial_in_this_process(std::string file, std::string config_json) {
  std::string name = "bulkhead";
  std::string role = "--bulkhead-trial";
  std::array<char*, 5> arguments{name.data(), role.data(), file.data(), config_json.data(), nullptr};
  return worker_main(4, arguments.data());
}

}  // namespace

PluginTrial try_plugin(const std::string& file, const std::string& config_json, std::chrono::milliseconds limit) {
  constexpr std::array<int, 2> kDescriptors{1, 3};  // its standard output, and our report
  const auto child = run_watched(kDescriptors, limit, [&] { return run_trial_in_this_process(file, config_json); });
  PluginTrial trial;
  trial.output = child.written[0].text;
  trial.output_bytes = child.written[0].bytes;

  const char* at = "before the plugin was loaded";
  bool is_done = false;
  std::istringstream report(child.written[1].text);
  for (std::string word; report >> word;) {
    std::int64_t nanoseconds = 0;
    if (word == "begin") {
      at = "while it was loaded, in a constructor of a static object or of a library";
    } else if (word == "loaded") {
      report >> nanoseconds >> trial.resident_bytes >> trial.threads;
      trial.load_time = std::chrono::nanoseconds(nanoseconds);
      at = "in its initialiser (on_load)";
    } else if (word == "initialised") {
      report >> nanoseconds;
      trial.initialiser_time = std::chrono::nanoseconds(nanoseconds);
      is_done = true;
    } else if (word == "refused") {
      std::getline(report >> std::ws, trial.error);
    }
  }
  if (!is_done && trial.error.empty()) trial.error = "the process " + how_it_ended(child) + " " + at;
  return trial;
}

}  // namespace bulkhead::cli
