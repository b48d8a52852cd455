#include "worker/bootstrap.hpp"

#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bulkhead/error.hpp"
#include "bulkhead/sdk/abi.h"
#include "ipc/worker_channel.hpp"
#include "plugin/loader.hpp"
#include "protocol/control.hpp"
#include "worker/executor.hpp"
#include "worker/handshake.hpp"
#include "worker/plugin_host.hpp"
#include "worker/watcher.hpp"

namespace bulkhead::worker {

namespace {

struct Plugin {
  protocol::PluginMessage message;
  support::UniqueFd file;
};

ipc::WorkerChannel attach(const protocol::Attach& attach, std::vector<support::UniqueFd>& fds) {
  return ipc::WorkerChannel::attach({
      .host_memory = std::move(fds[0]),
      .worker_memory = std::move(fds[1]),
      .pool_page = std::move(fds[2]),
      .leader_bell = std::move(fds[3]),
      .pump_bell = std::move(fds[4]),
      .sizes = {attach.request_ring_bytes, attach.response_ring_bytes},
      .doorbell_name = attach.doorbell_name,
      .spin_pauses = attach.spin_pauses,
  });
}

class Worker {
 public:
  explicit Worker(Handshake& handshake) : handshake_(handshake) {}

  int run() {
    auto attach_message = handshake_.receive<protocol::Attach>(protocol::Attach::kFds);
    auto& fds = attach_message.fds;
    phase_ = Phase::kStart;
    channel_.emplace(attach(attach_message.message, fds));
    handshake_.send(protocol::Attached{});
    std::vector<Plugin> plugins;
    for (std::uint32_t i = 0; i < attach_message.message.plugin_count; ++i) {
      auto received = handshake_.receive<protocol::PluginMessage>(1);
      plugins.push_back({std::move(received.message), std::move(received.fds.front())});
    }
    start_host_watcher(std::move(fds[5]));
    load(plugins);
    initialise(plugins);
    channel_->set_status(static_cast<std::uint8_t>(Phase::kIdle), 0, 0);
    handshake_.send(protocol::Ready{});

    std::vector<plugin::LoadedPlugin*> loaded;
    for (auto& one : loaded_) loaded.push_back(&one);
    std::vector<const bulkhead_host*> tables;
    for (const auto& host : hosts_) tables.push_back(host->table());
    ExecutorSetup setup{*channel_, handshake_.fd(), loaded, tables};
    return run_tasks(setup);
  }

  // What it was at, for the message about a failure.
  [[nodiscard]] Phase phase() const noexcept { return phase_; }
  [[nodiscard]] const std::string& plugin() const noexcept { return plugin_; }

 private:
  // The host reads from the status which plugin it was, should this process not live to tell.
  void enter(Phase phase, std::size_t plugin_index, const std::string& plugin_name) {
    phase_ = phase;
    plugin_ = plugin_name;
    channel_->set_status(static_cast<std::uint8_t>(phase), plugin_index, 0);
  }

  void load(std::vector<Plugin>& plugins) {
    for (std::size_t i = 0; i < plugins.size(); ++i) {
      enter(Phase::kLoad, i, plugins[i].message.name);
      // Open for the rest of the process's life: dlopen() of a number used twice gives the old
      // plugin.
      const int fd = plugins[i].file.release();
      loaded_.push_back(plugin::LoadedPlugin::load(fd, plugins[i].message.shown_path));
    }
  }

  void initialise(std::vector<Plugin>& plugins) {
    for (std::size_t i = 0; i < plugins.size(); ++i) {
      enter(Phase::kInit, i, plugins[i].message.name);
      hosts_.push_back(
          std::make_unique<PluginHost>(plugins[i].message.name, std::move(plugins[i].message.config_json)));
      std::string error;
      if (!run_load(loaded_[i].table(), hosts_.back()->table(), error)) {
        detail::raise<TaskError>(std::move(error));
      }
    }
  }

  Handshake& handshake_;
  std::optional<ipc::WorkerChannel> channel_;
  std::vector<plugin::LoadedPlugin> loaded_;
  std::vector<std::unique_ptr<PluginHost>> hosts_;
  Phase phase_ = Phase::kStart;
  std::string plugin_;
};

}  // namespace

int run_worker(support::UniqueFd control, std::string_view build) noexcept {
  try {
    // A task's printf is seen even when the task then crashes.
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    Handshake handshake(std::move(control));
    handshake.say_hello(build);
    // Static: destroyed after what plugins registered for exit, which may still use their host
    // tables.
    static Worker worker(handshake);
    const int status = report_failures(
        handshake, [] { return worker.run(); }, [] { return std::pair(worker.phase(), worker.plugin()); });
    handshake.keep_open();
    return status;
  } catch (const HostGone&) {  // before it heard our hello
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "bulkhead-worker: %s\n", error.what());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bulkhead-worker: %s\n", error.what());
  }
  return kStartFailedStatus;
}

}  // namespace bulkhead::worker
