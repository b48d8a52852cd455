#include "worker/handshake.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <exception>
#include <tuple>

#include "bulkhead/sdk/abi.h"
#include "support/deadline.hpp"
#include "worker/bootstrap.hpp"
#include "worker/executor.hpp"

namespace bulkhead::worker {

namespace {

// Only for a host that neither speaks nor ends, while a warden that would end us is gone too.
constexpr auto kHostLimit = std::chrono::seconds(60);

}  // namespace

Handshake::Handshake(support::UniqueFd socket) : socket_(ipc::ControlSocket::attach(std::move(socket))) {
  // Programs that tasks execute must not hold it open.
  ::fcntl(socket_.fd(), F_SETFD, FD_CLOEXEC);
}

void Handshake::say_hello(std::string_view build) {
  send(protocol::WorkerHello{std::string(build), BULKHEAD_ABI_MAJOR, BULKHEAD_ABI_MINOR, ::getpid()});
}

std::vector<std::byte> Handshake::receive_bytes(std::vector<support::UniqueFd>& fds) {
  std::vector<std::byte> bytes;
  if (socket_.receive(bytes, fds, support::Deadline::after(kHostLimit)) != ipc::ControlSocket::Received::kReceived) {
    throw HostGone{};
  }
  return bytes;
}

void Handshake::send_bytes(std::span<const std::byte> bytes) {
  if (socket_.send(bytes, {}, support::Deadline::after(kHostLimit)) != ipc::ControlSocket::Sent::kSent) {
    throw HostGone{};
  }
}

int report_failures(Handshake& handshake, const std::function<int()>& body,
                    const std::function<std::pair<Phase, std::string>()>& where) {
  protocol::Failed failed;
  int status = kStartFailedStatus;
  auto [phase, plugin] = std::pair(Phase::kIdle, std::string());
  try {
    return body();
  } catch (const HostGone&) {
    return 0;
  } catch (const ProcessChanged& changed) {
    status = kExitChanged;
    failed.text = changed.what;
  } catch (const PluginError& error) {
    failed.reason = static_cast<std::uint8_t>(error.reason());
    failed.text = error.what();
  } catch (const Error& error) {
    failed.text = error.what();
  } catch (const std::exception& error) {
    failed.text = error.what();
  }
  if (status == kStartFailedStatus) std::tie(phase, plugin) = where();
  failed.phase = static_cast<std::uint8_t>(phase);
  failed.plugin = plugin;
  failed.text = protocol::cut_text(std::move(failed.text));
  try {
    handshake.send(failed);
  } catch (const HostGone&) {
    return 0;
  }
  return status;
}

}  // namespace bulkhead::worker
