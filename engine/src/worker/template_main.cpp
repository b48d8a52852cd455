#include "worker/template_main.hpp"

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <utility>

#include "bulkhead/error.hpp"
#include "protocol/control.hpp"
#include "support/fault_point.hpp"
#include "worker/bootstrap.hpp"
#include "worker/handshake.hpp"
#include "worker/preloaded.hpp"
#include "worker/warden_main.hpp"

namespace bulkhead::worker {

namespace {

bool has_threads() {
  const std::filesystem::directory_iterator first("/proc/self/task");
  return std::distance(first, std::filesystem::directory_iterator()) > 1;
}

class Template {
 public:
  explicit Template(Handshake& handshake) : handshake_(handshake) {}

  int preload() {
    BULKHEAD_FAULT_POINT("template.preload");
    auto preload = handshake_.receive<protocol::PreloadMessage>(1);
    host_ = std::move(preload.fds.front());
    for (std::uint32_t i = 0; i < preload.message.plugin_count; ++i) {
      auto received = handshake_.receive<protocol::PluginMessage>(1);
      plugin_ = received.message.name;
      preloaded_.load(received.fds.front().release(), received.message.shown_path);
      if (has_threads()) {
        detail::raise<PluginError>("plugin \"" + plugin_ + "\" starts threads while it is loaded",
                                   {.path = received.message.shown_path, .reason = PluginError::Reason::kCannotLoad});
      }
    }
    // What was printed meanwhile is printed once.
    std::fflush(nullptr);
    handshake_.send(protocol::Ready{});
    return 0;
  }

  [[nodiscard]] const std::string& plugin() const noexcept { return plugin_; }
  [[nodiscard]] const Preloaded& preloaded() const noexcept { return preloaded_; }
  [[nodiscard]] support::UniqueFd take_host() noexcept { return std::move(host_); }

 private:
  Handshake& handshake_;
  Preloaded preloaded_;
  support::UniqueFd host_;
  std::string plugin_;  // the one that is loaded
};

}  // namespace

int run_template(support::UniqueFd control, std::span<char* const> arguments, std::string_view build) noexcept {
  try {
    BULKHEAD_FAULT_ROLE(kWarden);
    prepare_process();
    Handshake handshake(std::move(control));
    handshake.say_hello(build);
    Template self(handshake);
    const int status = report_failures(
        handshake, [&] { return self.preload(); }, [&] { return std::pair(Phase::kLoad, self.plugin()); });
    // Not told apart here: the host hears that it failed, or is gone.
    support::UniqueFd host = self.take_host();
    if (status != 0 || !host.is_open()) return status;
    return keep_workers(handshake.take_socket(), std::move(host), arguments, self.preloaded(), build);
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
