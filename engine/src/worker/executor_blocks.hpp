// What the host sends by the control socket: blocks of arguments that are too large for the ring, room for such results,
// and shared arrays.
//
// Ownership: owns the mappings, borrows the socket.
// Threads:   one.
// A socket that ended, or a message that makes no sense, ends the process: plugin code may be on
// the stack, which nothing can be thrown through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "ipc/block.hpp"
#include "ipc/control_socket.hpp"
#include "protocol/control.hpp"
#include "support/deadline.hpp"
#include "support/unique_fd.hpp"
#include "worker/shared_views.hpp"

namespace bulkhead::worker {

class ExecutorBlocks {
 public:
  explicit ExecutorBlocks(int control_fd);
  ExecutorBlocks(const ExecutorBlocks&) = delete;
  ExecutorBlocks& operator=(const ExecutorBlocks&) = delete;
  ~ExecutorBlocks();

  // A block of arguments; waits until it has arrived.
  [[nodiscard]] std::span<const std::byte> find(std::uint32_t id);

  // Everything that was sent until now, before a record needs it.
  void take_messages();

  struct Grant {
    std::uint32_t id = 0;
    std::span<std::byte> bytes;  // empty: the host has no memory for it
  };
  // Waits for the host's answer to one kBlockWanted: the next writable block it names. A new one
  // comes with its descriptor; for one that is still mapped from an earlier result the message
  // alone grants it again. A message of size 0 without a descriptor says that there is no memory.
  [[nodiscard]] Grant wait_for_grant(std::uint64_t least_bytes);

  // Ends what one message with a descriptor began. The host may have sent the same block again
  // since, for a call that it took back and offered once more: the mapping goes with the last of
  // them.
  void drop(std::uint32_t id);

  // A shared array, for a plugin. False: the host sent none of this id before it sent the call that names it.
  [[nodiscard]] bool open_shared(std::uint64_t id, bool is_writable, bulkhead_shared& out);
  void drop_shared(std::uint64_t id);
  // Sends the host memory that a result will name, and waits until it has it. False: it cannot take it.
  [[nodiscard]] bool give_shared(const protocol::SharedMessage& message, int fd);

 private:
  enum class Took : std::uint8_t { kNothing, kBlock, kWritableBlock, kRefusal, kShared, kGiven, kNotGiven };
  // Takes one message in, if one is there before the deadline. `id` is the block's.
  Took take_message(support::Deadline deadline, std::uint32_t& id);

  ipc::ControlSocket socket_;
  ipc::BlockTable blocks_;
  SharedViews shared_;
  // Messages with a descriptor that no drop() has ended yet, by id.
  std::unordered_map<std::uint32_t, std::uint32_t> holds_;
  // Reused, so that a message allocates nothing but its mapping.
  std::vector<std::byte> message_;
  std::vector<support::UniqueFd> fds_;
};

}  // namespace bulkhead::worker
