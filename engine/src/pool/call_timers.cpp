#include "pool/call_timers.hpp"

#include <algorithm>
#include <utility>

namespace bulkhead::pool {

void CallTimers::place(std::size_t index, Call* call) noexcept {
  heap_[index] = call;
  call->extras->timer = index;
}

void CallTimers::rise(std::size_t index) noexcept {
  Call* call = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (heap_[parent]->extras->due <= call->extras->due) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, call);
}

void CallTimers::sink(std::size_t index) noexcept {
  Call* call = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->extras->due < heap_[child]->extras->due) ++child;
    if (call->extras->due <= heap_[child]->extras->due) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, call);
}

void CallTimers::make_room() {
  if (heap_.size() == heap_.capacity()) heap_.reserve(std::max<std::size_t>(16, 2 * heap_.size()));
}

void CallTimers::set(Call& call, Clock::time_point when) {
  CallExtras& extras = *call.extras;
  if (extras.timer == CallExtras::kNoTimer) {
    heap_.push_back(&call);
    extras.timer = heap_.size() - 1;
  }
  extras.due = when;
  rise(extras.timer);
  sink(extras.timer);
}

void CallTimers::remove(Call& call) noexcept {
  CallExtras& extras = *call.extras;
  const std::size_t index = std::exchange(extras.timer, CallExtras::kNoTimer);
  extras.due = Clock::time_point::max();
  if (index == CallExtras::kNoTimer) return;
  Call* last = heap_.back();
  heap_.pop_back();
  if (last == &call) return;
  place(index, last);
  rise(index);
  sink(last->extras->timer);
}

Call* CallTimers::take_due(Clock::time_point now) noexcept {
  if (heap_.empty() || heap_.front()->extras->due > now) return nullptr;
  Call* call = heap_.front();
  remove(*call);
  return call;
}

}  // namespace bulkhead::pool
