#include "process/worker_status.hpp"

#include "support/duration_text.hpp"

namespace bulkhead::process {

Phase phase_of(const ipc::HostChannel& channel, bool is_ready) noexcept {
  const auto number = channel.status().phase;
  const auto phase = static_cast<Phase>(number);
  if (!is_ready) return phase == Phase::kInit ? Phase::kInit : Phase::kLoad;
  // kInit: a task's state is made before its first call.
  return number >= static_cast<std::uint8_t>(Phase::kInit) && number <= static_cast<std::uint8_t>(kLastPhase)
             ? phase
             : Phase::kRun;
}

std::string what_starting_worker_does(const ipc::HostChannel& channel, const WorkerConfig& config) {
  // The status says which plugin it is at; the number behind the last is the pool's initializer.
  const auto index = channel.status().task_id;
  const bool is_init = phase_of(channel, false) == Phase::kInit;
  if (is_init && config.initializer && index == config.plugins.size()) {
    return ", in the initializer \"" + config.initializer->task + "\"";
  }
  if (index >= config.plugins.size()) return {};
  const auto& plugin = config.plugins[index];
  return (is_init ? ", in the initialiser of plugin \"" : ", loading plugin \"") + plugin.name + "\" (" +
         plugin.shown_path + ")";
}

std::optional<std::uint32_t> plugin_in_work(const ipc::HostChannel& channel, const WorkerConfig& config) {
  const auto status = channel.status();
  const auto phase = static_cast<Phase>(status.phase);
  if ((phase != Phase::kLoad && phase != Phase::kInit) || status.task_id >= config.plugins.size()) return std::nullopt;
  return static_cast<std::uint32_t>(status.task_id);
}

std::string late_text(const ipc::HostChannel& channel, const WorkerConfig& config) {
  return "it was not ready within " + support::duration_text(config.init_limit) +
         what_starting_worker_does(channel, config) + " (init_timeout gives it more)";
}

std::string start_failure_text(Phase phase, const std::string& plugin, std::string text) {
  if (text.empty()) text = "it failed and did not say why";
  if (phase != Phase::kInit || plugin.empty()) return text;
  return "the initialiser of plugin \"" + plugin + "\" failed: " + text;
}

}  // namespace bulkhead::process
