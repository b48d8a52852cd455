#include "worker/worker_body.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "support/fault_point.hpp"
#include "support/system_error.hpp"
#include "worker/crash_handler.hpp"
#include "worker/executor.hpp"
#include "worker/plugin_host.hpp"

namespace bulkhead::worker {

namespace {

std::vector<std::byte> read_arguments(const InitializerToRun& initializer) {
  std::vector<std::byte> bytes(initializer.arguments_bytes);
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = BULKHEAD_FAULT_CALL(
        "initializer.read", EIO, ssize_t{-1},
        ::pread(initializer.arguments_fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done)));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      support::raise_system_error(got == 0 ? EIO : errno,
                                  "read the arguments of the initializer \"" + initializer.task + "\"", "memory");
    }
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

int WorkerBody::run() {
  load();
  initialise();
  return run_executor();
}

// The host reads from the status which plugin it was, should this worker not live to tell.
void WorkerBody::enter(Phase phase, std::size_t plugin_index, std::string plugin_name) {
  phase_ = phase;
  plugin_ = std::move(plugin_name);
  setup_.channel.set_status(static_cast<std::uint8_t>(phase), plugin_index, 0);
}

void WorkerBody::load() {
  for (std::size_t i = 0; i < setup_.plugins.size(); ++i) {
    auto& loaded = loaded_.emplace_back();
    if (setup_.plugins[i].is_left_out) continue;
    enter(Phase::kLoad, i, setup_.plugins[i].name);
    note_plugin_loading(i);
    const int fd = setup_.plugins[i].fd;
    if (setup_.preloaded != nullptr) loaded = setup_.preloaded->find(fd);
    if (!loaded) loaded = plugin::LoadedPlugin::load(fd, setup_.plugins[i].shown_path);
    note_plugin_loaded(&loaded->table());
  }
}

void WorkerBody::initialise() {
  for (std::size_t i = 0; i < setup_.plugins.size(); ++i) {
    auto& host = hosts_.emplace_back();
    if (!loaded_[i]) continue;
    enter(Phase::kInit, i, setup_.plugins[i].name);
    host = lasting_host(setup_.plugins[i].name, setup_.plugins[i].config_json);
    std::string error;
    if (!run_load(loaded_[i]->table(), host, error)) detail::raise<TaskError>(std::move(error));
  }
}

std::string WorkerBody::task_name(std::uint32_t index) const {
  for (std::size_t i = 0; i < loaded_.size(); ++i) {
    const auto count = loaded_[i] ? loaded_[i]->table().task_count : setup_.plugins[i].task_count;
    if (index < count && loaded_[i]) return setup_.plugins[i].name + "." + loaded_[i]->task(index).name;
    index -= static_cast<std::uint32_t>(count);
  }
  return {};
}

int WorkerBody::run_executor() {
  std::vector<TaskToRun> tasks;
  for (std::size_t i = 0; i < loaded_.size(); ++i) {
    if (!loaded_[i]) {
      tasks.resize(tasks.size() + setup_.plugins[i].task_count);
      continue;
    }
    for (std::uint64_t task = 0; task < loaded_[i]->table().task_count; ++task) {
      tasks.push_back({&loaded_[i]->task(task), hosts_[i]});
    }
  }
  ExecutorSetup setup{.channel = setup_.channel,
                      .control_fd = setup_.control_fd,
                      .tasks = tasks,
                      .say_ready =
                          [this] {
                            setup_.channel.set_status(static_cast<std::uint8_t>(Phase::kIdle), 0, 0);
                            setup_.say_ready();
                          },
                      .is_put_back = setup_.is_put_back};
  const auto run_to_end = [&] {
    try {
      return run_tasks(setup);
    } catch (ProcessChanged& changed) {
      changed.what =
          "task \"" + task_name(changed.task_index) + "\" changed " + changed.what + ", which cannot be put back";
      throw;
    }
  };
  if (!setup_.initializer) return run_to_end();
  const auto arguments = read_arguments(*setup_.initializer);
  // One behind the last plugin's number.
  const InitializerRun run{.task_index = setup_.initializer->task_index,
                           .codec = setup_.initializer->codec,
                           .arguments = arguments,
                           .status_id = setup_.plugins.size()};
  setup.initializer = &run;
  enter(Phase::kInit, setup_.plugins.size(), {});
  try {
    return run_to_end();
  } catch (const TaskError& error) {
    detail::raise<TaskError>("the initializer \"" + setup_.initializer->task + "\" failed: " + error.what());
  }
}

}  // namespace bulkhead::worker
