// Plugins that workers do without, and how they, or a broken pool, come back.

#include <signal.h>

#include "bulkhead/error.hpp"
#include "pool/local_backend.hpp"

namespace bulkhead::pool {

TaskRange LocalBackend::tasks_of(std::size_t plugin) const noexcept {
  TaskRange tasks;
  for (std::size_t i = 0; i < plugin; ++i) tasks.begin += config_->plugins[i].task_count;
  tasks.end = tasks.begin + config_->plugins[plugin].task_count;
  return tasks;
}

bool LocalBackend::runs_initializer(std::size_t plugin) const noexcept {
  const TaskRange tasks = tasks_of(plugin);
  return config_->initializer && config_->initializer->task_index >= tasks.begin &&
         config_->initializer->task_index < tasks.end;
}

void LocalBackend::leave_out(std::size_t plugin, const std::string& why) {
  services_.log->error(why);
  auto config = std::make_shared<process::WorkerConfig>(*config_);
  config->plugins[plugin].is_left_out = true;
  config_ = std::move(config);
  scheduler_->bar(tasks_of(plugin), why, config_->plugins[plugin].shown_path);
}

void LocalBackend::revive() {
  scheduler_->refuse_forked_copy();
  services_.loop->run_sync([this] { revive_on_loop(); });
  if (scheduler_->is_closed()) detail::raise<PoolClosed>("the pool is closed: it cannot be revived (make another one)");
}

void LocalBackend::revive_on_loop() {
  const bool was_broken = scheduler_->reopen();
  if (scheduler_->is_closed()) return;
  circuits_.reset();
  auto config = std::make_shared<process::WorkerConfig>(*config_);
  for (auto& plugin : config->plugins) plugin.is_left_out = false;
  config_ = std::move(config);
  scheduler_->unbar();
  if (was_broken) {
    is_ending_ = false;
    grace_.reset();
    start_sampling();
  }
  const auto lacks_plugin = [](const Slot& slot) {
    return std::any_of(slot.config->plugins.begin(), slot.config->plugins.end(),
                       [](const process::PluginToLoad& plugin) { return plugin.is_left_out; });
  };
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    Slot& place = slots_[slot];
    if (place.is_retired || place.is_resting) continue;
    if (!place.process) {  // it ended with the pool, or is paused
      place.restart.reset();
      try_start_worker(slot);
    } else if (lacks_plugin(place)) {
      // It is replaced when it has left.
      place.process->is_ready() ? scheduler_->retire(slot) : place.process->kill(SIGKILL);
    }
  }
}

}  // namespace bulkhead::pool
