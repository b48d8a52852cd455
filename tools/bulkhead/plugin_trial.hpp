// A plugin loaded in a throw-away process, as a worker loads it.
//
// Ownership and threads: as run_watched().
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace bulkhead::cli {

struct PluginTrial {
  std::string error;  // empty: it could be loaded, and its initialiser returned
  std::chrono::nanoseconds load_time{};
  std::chrono::nanoseconds initialiser_time{};
  std::int64_t resident_bytes = 0;  // more after loading than before
  std::int64_t threads = 0;         // started while loading
  // What it wrote to standard output meanwhile: the beginning, and how much.
  std::string output;
  std::uint64_t output_bytes = 0;
};

// `config_json`: what a manifest would have as its `config`.
[[nodiscard]] PluginTrial try_plugin(const std::string& file, const std::string& config_json,
                                     std::chrono::milliseconds limit);

}  // namespace bulkhead::cli
