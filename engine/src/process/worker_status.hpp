// What a worker is at, read from the status it writes: for exit reasons.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bulkhead/error.hpp"
#include "ipc/host_channel.hpp"
#include "process/worker.hpp"

namespace bulkhead::process {

// Only what can be now counts: the worker may write anything.
[[nodiscard]] Phase phase_of(const ipc::HostChannel& channel, bool is_ready) noexcept;

// ", loading plugin "x" (x.so)", of a worker that is not ready; empty when it does not say.
[[nodiscard]] std::string what_starting_worker_does(const ipc::HostChannel& channel, const WorkerConfig& config);

// Which plugin a worker that is not ready is loading or initialising: its number; nullopt: none.
[[nodiscard]] std::optional<std::uint32_t> plugin_in_work(const ipc::HostChannel& channel, const WorkerConfig& config);

// Of a worker that did not get ready before its init_limit.
[[nodiscard]] std::string late_text(const ipc::HostChannel& channel, const WorkerConfig& config);

// `text` of a failure that a starting worker told, with what failed. `plugin`: empty when it is none's in particular.
[[nodiscard]] std::string start_failure_text(Phase phase, const std::string& plugin, std::string text);

}  // namespace bulkhead::process
