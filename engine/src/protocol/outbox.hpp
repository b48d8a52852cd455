// Messages on their way to a peer that may be slow or stopped: sent at once while there is room,
// kept in order otherwise. Whoever sends must never wait: one stopped process would hold up all
// others.
//
// Ownership: borrows the socket; owns duplicates of the descriptors of messages that wait.
// Threads:   one at a time.
// A peer that is gone is a result. Lack of kernel memory or of room for descriptors in flight is
// taken for "later".
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "ipc/control_socket.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::protocol {

class Outbox {
 public:
  enum class State : std::uint8_t { kEmpty, kWaiting, kPeerGone };

  // `fds` stay the caller's. Throws ResourceError when a descriptor must be kept and cannot be
  // duplicated.
  State send(ipc::ControlSocket& socket, std::vector<std::byte> bytes, std::span<const int> fds = {});
  // Tries again. kWaiting: call it again a little later.
  State flush(ipc::ControlSocket& socket);
  [[nodiscard]] bool is_empty() const noexcept { return waiting_.empty(); }
  // What the kernel said when it last refused the message that is next; empty: it was not refused, or the peer only has
  // to read.
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }
  void clear() noexcept {
    waiting_.clear();
    trouble_.clear();
  }

 private:
  struct Message {
    std::vector<std::byte> bytes;
    std::vector<support::UniqueFd> fds;
  };
  [[nodiscard]] State try_send(ipc::ControlSocket& socket, std::span<const std::byte> bytes, std::span<const int> fds);

  std::deque<Message> waiting_;
  std::string trouble_;
};

}  // namespace bulkhead::protocol
