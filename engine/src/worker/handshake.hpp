// The worker's end of the control socket while it starts: messages in a fixed order, and how a
// failure is told.
//
// Threads:   one.
// A host that is gone, or says something unexpected, is thrown as HostGone: there is nobody left to
// tell.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bulkhead/error.hpp"
#include "ipc/control_socket.hpp"
#include "protocol/control.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::worker {

struct HostGone {};

class Handshake {
 public:
  // Throws UsageError when `socket` is none.
  explicit Handshake(support::UniqueFd socket);

  void say_hello(std::string_view build);

  template <class Message>
  struct Received {
    Message message;
    std::vector<support::UniqueFd> fds;
  };
  // Waits for a Message with exactly `fd_count` descriptors. Throws HostGone.
  template <class Message>
  [[nodiscard]] Received<Message> receive(std::size_t fd_count) {
    Received<Message> received;
    const auto bytes = receive_bytes(received.fds);
    auto message = protocol::decode<Message>(bytes);
    if (!message || received.fds.size() != fd_count) throw HostGone{};
    received.message = std::move(*message);
    return received;
  }

  // Throws HostGone.
  template <class Message>
  void send(const Message& message) {
    send_bytes(protocol::encode(message));
  }

  [[nodiscard]] int fd() const noexcept { return socket_.fd(); }
  // For who goes on talking over it. Nothing else may be called afterwards.
  [[nodiscard]] ipc::ControlSocket take_socket() noexcept { return std::move(socket_); }

  // Leaves the socket to the kernel to close when the process is really gone: to the host its end
  // is the end of the worker, and plugins' static destructors still run after this object.
  void keep_open() noexcept { static_cast<void>(socket_.release().release()); }

 private:
  [[nodiscard]] std::vector<std::byte> receive_bytes(std::vector<support::UniqueFd>& fds);
  void send_bytes(std::span<const std::byte> bytes);

  ipc::ControlSocket socket_;
};

// Runs `body` and returns its status. What it throws is told to the host with the phase and plugin
// that `where` names, and becomes kStartFailedStatus; ProcessChanged, kExitChanged; a host that is gone, 0.
[[nodiscard]] int report_failures(Handshake& handshake, const std::function<int()>& body,
                                  const std::function<std::pair<Phase, std::string>()>& where);

}  // namespace bulkhead::worker
