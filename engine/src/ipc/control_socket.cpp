#include "ipc/control_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "bulkhead/error.hpp"
#include "support/fault_point.hpp"
#include "support/system_error.hpp"

namespace bulkhead::ipc {

using support::Deadline;
using support::UniqueFd;

namespace {

// Room for the largest list of descriptors, aligned as the kernel wants it.
struct alignas(cmsghdr) ControlBuffer {
  std::array<char, CMSG_SPACE(ControlSocket::kMaxDescriptors * sizeof(int))> bytes{};
};

// False: the deadline passed.
bool wait_until(int fd, short events, Deadline deadline) {
  pollfd entry{.fd = fd, .events = events, .revents = 0};
  for (;;) {
    if (BULKHEAD_FAULT_CALL("socket.poll", EINTR, -1, ::poll(&entry, 1, deadline.poll_timeout_ms())) > 0) return true;
    if (deadline.has_passed()) return false;
  }
}

bool means_peer_gone(int error_number) {
  return error_number == EPIPE || error_number == ECONNRESET || error_number == ENOTCONN;
}

void take_descriptors(msghdr& message, std::vector<UniqueFd>& fds) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      UniqueFd owned(fd);  // before push_back, which may throw
      fds.push_back(std::move(owned));
    }
  }
}

}  // namespace

std::pair<ControlSocket, ControlSocket> ControlSocket::pair() {
  int ends[2];
  if (BULKHEAD_FAULT_CALL("socket.pair", EMFILE, -1, ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) !=
      0) {
    support::raise_system_error(errno, "create a control socket", "descriptors");
  }
  return {ControlSocket(UniqueFd(ends[0])), ControlSocket(UniqueFd(ends[1]))};
}

ControlSocket ControlSocket::attach(UniqueFd fd) {
  int type = 0;
  socklen_t length = sizeof type;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_SEQPACKET) {
    detail::raise<UsageError>("cannot use descriptor " + std::to_string(fd.get()) +
                              " as a control socket: it is not a SEQPACKET socket");
  }
  return ControlSocket(std::move(fd));
}

ControlSocket::Sent ControlSocket::send(std::span<const std::byte> bytes, std::span<const int> fds, Deadline deadline) {
  // An empty message would look like the end of the peer.
  if (bytes.empty() || bytes.size() > kMaxMessageBytes || fds.size() > kMaxDescriptors) {
    detail::raise<UsageError>("cannot send a control message of " + std::to_string(bytes.size()) + " bytes and " +
                              std::to_string(fds.size()) + " descriptors: from 1 to " +
                              std::to_string(kMaxMessageBytes) + " bytes and up to " + std::to_string(kMaxDescriptors) +
                              " descriptors are possible");
  }
  iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  ControlBuffer control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  for (;;) {
    if (BULKHEAD_FAULT_CALL("socket.send", ENOBUFS, -1, ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT)) >=
        0) {
      BULKHEAD_FAULT_POINT("socket.sent");
      return Sent::kSent;
    }
    if (errno == EINTR) continue;
    if (means_peer_gone(errno)) return Sent::kPeerGone;
    if (errno != EAGAIN) support::raise_system_error(errno, "send a control message", "memory");
    if (!wait_until(fd_.get(), POLLOUT, deadline)) return Sent::kDeadlinePassed;
  }
}

ControlSocket::Received ControlSocket::try_receive(std::vector<std::byte>& bytes, std::vector<UniqueFd>& fds) {
  fds.clear();
  bytes.clear();
  // Not the vector itself: it would be filled with zeros first, which takes longer than all the rest. One for all sockets
  // of the thread: one in each leaves holes of its size in the heap of a host whose workers come and go.
  thread_local std::unique_ptr<std::byte[]> room;
  if (room == nullptr) room = std::make_unique_for_overwrite<std::byte[]>(kMaxMessageBytes);
  iovec part{.iov_base = room.get(), .iov_len = kMaxMessageBytes};
  ControlBuffer control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  ssize_t received = 0;
  // A peer that left messages unread resets the connection. That is told once, before what it had sent, which is still there.
  bool was_reset = false;
  do {
    received = BULKHEAD_FAULT_CALL("socket.receive", EINTR, -1,
                                   ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT));
  } while (received < 0 && (errno == EINTR || (errno == ECONNRESET && !std::exchange(was_reset, true))));
  if (received <= 0) {
    if (received == 0 || means_peer_gone(errno)) return Received::kPeerGone;
    if (errno == EAGAIN) return Received::kDeadlinePassed;
    support::raise_system_error(errno, "receive a control message", "memory");
  }
  BULKHEAD_FAULT_POINT("socket.received");
  take_descriptors(message, fds);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    fds.clear();
    return Received::kMalformed;
  }
  bytes.assign(room.get(), room.get() + received);
  return Received::kReceived;
}

ControlSocket::Received ControlSocket::receive(std::vector<std::byte>& bytes, std::vector<UniqueFd>& fds,
                                               Deadline deadline) {
  for (;;) {
    const Received outcome = try_receive(bytes, fds);
    if (outcome != Received::kDeadlinePassed) return outcome;
    if (!wait_until(fd_.get(), POLLIN, deadline)) return Received::kDeadlinePassed;
  }
}

}  // namespace bulkhead::ipc
