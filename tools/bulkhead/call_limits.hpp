// --timeout, --soft-timeout, --retries, --priority and --dead-letters: what the command line says about each call.
#pragma once

#include <bulkhead/options.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace CLI {
class App;
}

namespace bulkhead::cli {

struct CallLimits {
  std::optional<std::chrono::nanoseconds> timeout;
  std::optional<std::chrono::nanoseconds> soft_timeout;
  std::optional<int> retries;
  std::optional<int> priority;
  std::optional<std::string> dead_letters;  // of the pool, not of a call

  // Unset: the manifest's, then the plugin's.
  [[nodiscard]] CallOptions<void> options() const;
};

void add_call_limits(CLI::App& app, CallLimits& limits);

// An option whose value is a duration: 250ms, 5s, 10m, or none.
void add_duration_option(CLI::App& app, const std::string& name, std::optional<std::chrono::nanoseconds>& duration,
                         const std::string& what);

}  // namespace bulkhead::cli
