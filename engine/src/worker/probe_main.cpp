#include "worker/probe_main.hpp"

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>
#include <utility>

#include "bulkhead/error.hpp"
#include "plugin/loader.hpp"
#include "protocol/control.hpp"
#include "support/fault_point.hpp"
#include "support/nesting.hpp"
#include "worker/bootstrap.hpp"
#include "worker/handshake.hpp"
#include "worker/watcher.hpp"

namespace bulkhead::worker {

namespace {

void tell(Handshake& handshake, const plugin::PluginEntry& plugin) {
  handshake.send(protocol::ProbedPlugin{
      .name = plugin.name,
      .version = plugin.version,
      .sdk_version = plugin.sdk_version,
      .compiler = plugin.compiler,
      .abi_major = plugin.abi_major,
      .abi_minor = plugin.abi_minor,
      .task_count = static_cast<std::uint32_t>(plugin.tasks.size()),
  });
  for (const auto& task : plugin.tasks) {
    handshake.send(protocol::ProbedTask{
        .name = task.name,
        .signature = task.signature,
        .doc = task.doc,
        .param_names = task.param_names,
        .codecs = task.codecs,
        .flags = task.flags,
        .required_flags = task.required_flags,
        .retries = task.retries,
        .timeout_ns = task.timeout.count(),
        .soft_timeout_ns = task.soft_timeout.count(),
        .shape = task.shape,
    });
  }
}

}  // namespace

int run_probe(support::UniqueFd control, std::string_view build) noexcept {
  try {
    BULKHEAD_FAULT_ROLE(kProbe);
    support::enter_worker();
    Handshake handshake(std::move(control));
    handshake.say_hello(build);
    std::string name;
    const auto probe = [&] {
      auto received = handshake.receive<protocol::ProbeMessage>(2);
      name = received.message.name;
      start_host_watcher(std::move(received.fds[1]));
      const auto loaded = plugin::LoadedPlugin::load(received.fds[0].release(), received.message.shown_path);
      tell(handshake, plugin::describe(loaded, received.message.shown_path));
      BULKHEAD_FAULT_POINT("probe.told");
      // All is said. The plugin's destructors could only spoil it.
      std::fflush(nullptr);
      ::_exit(0);
      return 0;
    };
    return report_failures(handshake, probe, [&] { return std::pair(Phase::kLoad, name); });
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
