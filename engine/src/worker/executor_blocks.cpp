#include "worker/executor_blocks.hpp"

#include <array>
#include <string>

#include "bulkhead/error.hpp"
#include "support/fault_point.hpp"
#include "worker/executor_boundary.hpp"

namespace bulkhead::worker {

using support::Deadline;

ExecutorBlocks::ExecutorBlocks(int control_fd) : socket_(ipc::ControlSocket::attach(support::UniqueFd(control_fd))) {}

ExecutorBlocks::~ExecutorBlocks() {
  // Borrowed: not ours to close.
  (void)socket_.release().release();
}

ExecutorBlocks::Took ExecutorBlocks::take_message(Deadline deadline, std::uint32_t& id) {
  switch (socket_.receive(message_, fds_, deadline)) {
    case ipc::ControlSocket::Received::kDeadlinePassed:
      return Took::kNothing;
    case ipc::ControlSocket::Received::kPeerGone:
      end_process("the host has closed the control socket");
    case ipc::ControlSocket::Received::kMalformed:
      end_process("the control socket carried a message that is not whole");
    case ipc::ControlSocket::Received::kReceived:
      break;
  }
  if (const auto shared = protocol::decode<protocol::SharedMessage>(message_)) {
    if (fds_.size() != 1) end_process("the host sent a shared array without its memory");
    shared_.add(shared->id, std::move(fds_.front()), shared->size, shared->writable);
    fds_.clear();
    return Took::kShared;
  }
  if (const auto answer = protocol::decode<protocol::SharedTakenMessage>(message_)) {
    return answer->is_taken ? Took::kGiven : Took::kNotGiven;
  }
  const auto block = protocol::decode<protocol::BlockMessage>(message_);
  if (!block || fds_.size() > 1) end_process("the host sent something other than a block");
  if (block->size == 0 && block->writable && fds_.empty()) return Took::kRefusal;
  id = block->id;
  const bool is_known = !blocks_.find(id).empty();
  if (!is_known && fds_.empty()) end_process("the host sent a block without its memory");
  if (!fds_.empty()) ++holds_[id];
  if (!is_known) blocks_.add(id, std::move(fds_.front()), block->size, block->writable);
  fds_.clear();
  return block->writable ? Took::kWritableBlock : Took::kBlock;
}

std::span<const std::byte> ExecutorBlocks::find(std::uint32_t id) {
  while (true) {
    if (const auto bytes = blocks_.find(id); !bytes.empty()) return bytes;
    std::uint32_t ignored = 0;
    (void)take_message(Deadline::never(), ignored);
  }
}

ExecutorBlocks::Grant ExecutorBlocks::wait_for_grant(std::uint64_t least_bytes) {
  while (true) {
    BULKHEAD_FAULT_POINT("block.wait");
    std::uint32_t id = 0;
    const Took took = take_message(Deadline::never(), id);
    if (took == Took::kRefusal) return {};
    if (took != Took::kWritableBlock) continue;
    const auto bytes = blocks_.find_writable(id);
    if (bytes.size() < least_bytes) end_process("the host sent a block smaller than was asked for");
    return {id, bytes};
  }
}

void ExecutorBlocks::drop(std::uint32_t id) {
  // Its message was sent before it was dropped, but may not have been needed yet.
  take_messages();
  const auto hold = holds_.find(id);
  if (hold == holds_.end()) return;  // the host could not send it in the first place
  if (--hold->second > 0) return;
  holds_.erase(hold);
  (void)blocks_.drop(id);
}

void ExecutorBlocks::take_messages() {
  std::uint32_t ignored = 0;
  while (take_message(Deadline::after(std::chrono::nanoseconds::zero()), ignored) != Took::kNothing) {
  }
}

bool ExecutorBlocks::open_shared(std::uint64_t id, bool is_writable, bulkhead_shared& out) {
  // No further than needed: a look at an empty socket takes as long as the mapping.
  while (!shared_.open(id, is_writable, out)) {
    std::uint32_t ignored = 0;
    if (take_message(Deadline::after(std::chrono::nanoseconds::zero()), ignored) == Took::kNothing) return false;
  }
  return true;
}

bool ExecutorBlocks::give_shared(const protocol::SharedMessage& message, int fd) {
  try {
    if (socket_.send(protocol::encode(message), std::array{fd}, Deadline::never()) != ipc::ControlSocket::Sent::kSent) {
      end_process("the host has closed the control socket");
    }
  } catch (const Error&) {  // too many descriptors on their way
    return false;
  }
  for (;;) {
    std::uint32_t ignored = 0;
    const Took took = take_message(Deadline::never(), ignored);
    if (took == Took::kGiven || took == Took::kNotGiven) return took == Took::kGiven;
  }
}

void ExecutorBlocks::drop_shared(std::uint64_t id) {
  take_messages();  // see drop()
  shared_.drop(id);
}

}  // namespace bulkhead::worker
