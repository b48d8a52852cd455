#include "pool/call_table.hpp"

namespace bulkhead::pool {

Call* CallTable::take() {
  if (free_ == nullptr) free_ = returned_.exchange(nullptr, std::memory_order_acquire);  // [return]
  if (free_ == nullptr) {
    slabs_.push_back(std::make_unique<Call[]>(kCallsPerSlab));
    for (std::size_t i = 0; i < kCallsPerSlab; ++i) {
      Call& call = slabs_.back()[i];
      call.next = free_;
      free_ = &call;
    }
  }
  Call* call = free_;
  free_ = call->next;
  call->next = nullptr;
  return call;
}

void CallTable::give_back(Call* call) noexcept {
  call->bytes.clear();
  call->large.reset();
  call->arrays.reset();
  call->outcomes.reset();
  call->extras.reset();
  call->submitted = {};
  call->priority = detail::kDefaultPriority;
  call->attempt = 1;
  call->callback.reset();
  call->continuations.reset();
  call->task = nullptr;
  call->map = nullptr;
  call->finished = 0;
  call->is_without_memory = false;
  call->state = Call::State::kFree;
  // relaxed: the entry is nobody else's; [return] publishes it.
  call->is_done.store(false, std::memory_order_relaxed);
  // relaxed: only a guess at the top, corrected by the exchange.
  Call* top = returned_.load(std::memory_order_relaxed);
  do {
    call->next = top;
  } while (!returned_.compare_exchange_weak(top, call, std::memory_order_release, std::memory_order_relaxed));
}

}  // namespace bulkhead::pool
