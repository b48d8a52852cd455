// Whole messages with descriptors between two processes: handshake, lifecycle, blocks. Never task
// bytes.
//
// Ownership: owns its end; its peer sees the end of it.
// Threads:   one may send while another receives.
//
// A dead peer, a passed deadline and a message that is not whole are results. EINTR is retried,
// SIGPIPE never raised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "support/deadline.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::ipc {

class ControlSocket {
 public:
  static constexpr std::size_t kMaxMessageBytes = std::size_t{128} << 10;
  static constexpr std::size_t kMaxDescriptors = 16;

  // Two connected ends, close-on-exec. Throws ResourceError "descriptors".
  [[nodiscard]] static std::pair<ControlSocket, ControlSocket> pair();
  // An end that was received or inherited. Throws UsageError when it is not a SEQPACKET socket.
  [[nodiscard]] static ControlSocket attach(support::UniqueFd fd);

  enum class Sent : std::uint8_t { kSent, kPeerGone, kDeadlinePassed };
  // Throws UsageError for an empty or too large message or too many descriptors, ResourceError when
  // the kernel lacks memory or has too many descriptors in flight. The descriptors stay the
  // caller's.
  [[nodiscard]] Sent send(std::span<const std::byte> bytes, std::span<const int> fds, support::Deadline deadline);

  enum class Received : std::uint8_t { kReceived, kPeerGone, kDeadlinePassed, kMalformed };
  // Replaces both outputs; descriptors are close-on-exec. kMalformed: too large, too many
  // descriptors, or descriptors this process had no room for; the outputs are empty.
  [[nodiscard]] Received receive(std::vector<std::byte>& bytes, std::vector<support::UniqueFd>& fds,
                                 support::Deadline deadline);
  // For event loops: kDeadlinePassed when nothing is there.
  [[nodiscard]] Received try_receive(std::vector<std::byte>& bytes, std::vector<support::UniqueFd>& fds);

  // Readable when a message or the peer's end is there.
  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  // For handing the end to a child.
  [[nodiscard]] support::UniqueFd release() noexcept { return std::move(fd_); }

 private:
  explicit ControlSocket(support::UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  support::UniqueFd fd_;
};

}  // namespace bulkhead::ipc
