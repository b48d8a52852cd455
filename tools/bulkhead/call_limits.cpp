#include "call_limits.hpp"

#include <bulkhead/error.hpp>
#include <bulkhead/manifest.hpp>

#include <CLI/CLI.hpp>

namespace bulkhead::cli {

void add_duration_option(CLI::App& app, const std::string& name, std::optional<std::chrono::nanoseconds>& duration,
                         const std::string& what) {
  app.add_option_function<std::string>(
         name,
         [&duration, name](const std::string& word) {
           try {
             duration = duration_of(word);
           } catch (const UsageError& error) {
             throw CLI::ValidationError(name, error.what());
           }
         },
         what)
      ->type_name("DUR");
}

CallOptions<void> CallLimits::options() const {
  CallOptions<void> options;
  if (timeout) options.timeout = *timeout;
  if (soft_timeout) options.soft_timeout = *soft_timeout;
  options.retries = retries;
  options.priority = priority;
  return options;
}

void add_call_limits(CLI::App& app, CallLimits& limits) {
  add_duration_option(
      app, "--timeout", limits.timeout,
      "kill an attempt that runs longer: 250ms, 5s, 10m, or none (default: the manifest's, the plugin's)");
  add_duration_option(app, "--soft-timeout", limits.soft_timeout, "tell an attempt that runs longer to stop");
  app.add_option("--retries", limits.retries,
                 "further attempts after a failure: running the task twice must be harmless")
      ->type_name("N")
      ->check(CLI::Range(0, 1000000));
  app.add_option("--priority", limits.priority, "0 to 7, larger first (default: 3)")
      ->type_name("N")
      ->check(CLI::Range(0, 7));
  app.add_option("--dead-letters", limits.dead_letters,
                 "keep the input of calls that kill their worker, for bulkhead replay")
      ->type_name("DIR");
}

}  // namespace bulkhead::cli
