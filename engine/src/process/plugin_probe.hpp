// Loads plugins in throw-away processes and tells how that went, before any worker loads them.
//
// Threads:   any but the loop's; waits for the outcome.
// A plugin that crashes, leaves, hangs or is refused is a result, not an exception.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bulkhead/error.hpp"
#include "plugin/catalogue.hpp"
#include "process/event_loop.hpp"
#include "process/warden_client.hpp"
#include "process/worker.hpp"
#include "support/deadline.hpp"

namespace bulkhead::process {

struct ProbeResult {
  // From the plugin's own table, shapes included. Unset: it cannot be used.
  std::optional<plugin::PluginEntry> entry;
  PluginError::Reason reason = PluginError::Reason::kDiedLoading;  // of the error
  std::string error;                                               // names the plugin; empty with an entry
};

inline constexpr auto kProbeLimit = std::chrono::seconds(10);

// One process for each plugin, all at once. Results are in the order of `plugins`.
[[nodiscard]] std::vector<ProbeResult> probe_plugins(
    EventLoop& loop, Warden& warden, std::span<const PluginToLoad> plugins,
    support::Deadline deadline = support::Deadline::after(kProbeLimit));

}  // namespace bulkhead::process
