#include "protocol/outbox.hpp"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "bulkhead/error.hpp"
#include "support/fault_point.hpp"
#include "support/system_error.hpp"

namespace bulkhead::protocol {

Outbox::State Outbox::try_send(ipc::ControlSocket& socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  trouble_.clear();
  try {
    switch (socket.send(bytes, fds, support::Deadline::after(std::chrono::nanoseconds::zero()))) {
      case ipc::ControlSocket::Sent::kSent:
        return State::kEmpty;
      case ipc::ControlSocket::Sent::kPeerGone:
        return State::kPeerGone;
      case ipc::ControlSocket::Sent::kDeadlinePassed:
        break;
    }
  } catch (const ResourceError& error) {  // room comes back when the peer reads
    trouble_ = error.what();
  }
  return State::kWaiting;
}

Outbox::State Outbox::send(ipc::ControlSocket& socket, std::vector<std::byte> bytes, std::span<const int> fds) {
  if (waiting_.empty()) {
    const State state = try_send(socket, bytes, fds);
    if (state != State::kWaiting) return state;
  }
  Message message{std::move(bytes), {}};
  for (const int fd : fds) {
    support::UniqueFd copy(BULKHEAD_FAULT_CALL("outbox.dup", EMFILE, -1, ::fcntl(fd, F_DUPFD_CLOEXEC, 0)));
    if (!copy.is_open()) {
      const int error = errno;
      if (waiting_.empty()) trouble_.clear();
      support::raise_system_error(error, "keep a descriptor to send", "descriptors");
    }
    message.fds.push_back(std::move(copy));
  }
  waiting_.push_back(std::move(message));
  return State::kWaiting;
}

Outbox::State Outbox::flush(ipc::ControlSocket& socket) {
  while (!waiting_.empty()) {
    const Message& message = waiting_.front();
    std::vector<int> fds;
    for (const auto& fd : message.fds) fds.push_back(fd.get());
    const State state = try_send(socket, message.bytes, fds);
    if (state != State::kEmpty) return state;
    waiting_.pop_front();
  }
  return State::kEmpty;
}

}  // namespace bulkhead::protocol
