#include "pool/call_table.hpp"

namespace bulkhead::pool {

void CallTable::grow() {
  slabs_.push_back(std::make_unique<Call[]>(kCallsPerSlab));
  const auto first = static_cast<std::uint32_t>((slabs_.size() - 1) * kCallsPerSlab);
  for (std::uint32_t i = 0; i < kCallsPerSlab; ++i) {
    Call& call = slabs_.back()[i];
    call.table_index = first + i;
    call.next_free = i + 1 < kCallsPerSlab ? first + i + 2 : kNobody;
  }
  free_ = first + 1;
}

Call* CallTable::take() {
  if (free_ == kNobody) {
    const std::uint64_t returned = returned_.exchange(0, std::memory_order_acquire);  // [return]
    out_ -= Returned::count(returned);
    free_ = Returned::top(returned);
    if (free_ == kNobody) grow();
  }
  Call& call = at(free_);
  free_ = call.next_free;
  ++out_;
  return &call;
}

bool CallTable::give_back(Call* call) noexcept {
  call->reset();
  // acquire: of a closed table, out_ is read.
  std::uint64_t top = returned_.load(std::memory_order_acquire);
  bool is_last = false;
  do {
    call->next_free = Returned::top(top);
    is_last = (top & Returned::kClosed) != 0 && Returned::count(top) + 1 == out_;
    // [return] acq_rel and acquire: the last one sees what all others did.
  } while (!returned_.compare_exchange_weak(top, Returned::pushed(top, call->table_index + 1),
                                            std::memory_order_acq_rel, std::memory_order_acquire));
  return is_last;
}

bool CallTable::close() noexcept {
  // [return] acq_rel: out_ is final before anybody sees that it is.
  return Returned::count(returned_.fetch_or(Returned::kClosed, std::memory_order_acq_rel)) == out_;
}

}  // namespace bulkhead::pool
