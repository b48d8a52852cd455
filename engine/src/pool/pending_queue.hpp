// Calls that no worker has been offered yet, oldest first. Intrusive: queueing allocates nothing.
//
// Threads: one at a time (the scheduler's lock).
#pragma once

#include <cstddef>

#include "pool/completion.hpp"

namespace bulkhead::pool {

class PendingQueue {
 public:
  [[nodiscard]] bool is_empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] Call* front() const noexcept { return first_; }

  void push_back(Call* call) noexcept {
    call->state = Call::State::kPending;
    call->previous = last_;
    call->next = nullptr;
    (last_ != nullptr ? last_->next : first_) = call;
    last_ = call;
    ++size_;
  }
  // For what was queued before: taken back from a worker, or left by a dead one.
  void push_front(Call* call) noexcept {
    call->state = Call::State::kPending;
    call->previous = nullptr;
    call->next = first_;
    (first_ != nullptr ? first_->previous : last_) = call;
    first_ = call;
    ++size_;
  }
  void remove(Call* call) noexcept {
    (call->previous != nullptr ? call->previous->next : first_) = call->next;
    (call->next != nullptr ? call->next->previous : last_) = call->previous;
    call->next = call->previous = nullptr;
    --size_;
  }

 private:
  Call* first_ = nullptr;
  Call* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace bulkhead::pool
