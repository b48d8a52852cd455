// Calls that no worker has been offered yet: eight bands of priority, in each the oldest first. Intrusive: queueing
// allocates nothing.
//
// Ageing: a band that was passed over kPatience times has the next turn, so that no flood of urgent calls starves the
// others.
//
// Threads: one at a time (the scheduler's lock).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "pool/completion.hpp"

namespace bulkhead::pool {

class PendingQueue {
 public:
  static constexpr std::uint32_t kPatience = 32;

  [[nodiscard]] bool is_empty() const noexcept { return occupied_ == 0; }
  // Whose turn it is. Requires: !is_empty().
  [[nodiscard]] Call* front() const noexcept { return bands_[turn()].first; }
  [[nodiscard]] Call* front(std::uint32_t band) const noexcept { return bands_[band].first; }

  void push_back(Call* call) noexcept {
    Band& band = band_of(*call);
    call->previous = band.last;
    call->next = nullptr;
    (band.last != nullptr ? band.last->next : band.first) = call;
    band.last = call;
  }
  // For what was queued before: taken back from a worker, or left by a dead one.
  void push_front(Call* call) noexcept {
    Band& band = band_of(*call);
    call->previous = nullptr;
    call->next = band.first;
    (band.first != nullptr ? band.first->previous : band.last) = call;
    band.first = call;
  }
  void remove(Call* call) noexcept {
    Band& band = bands_[call->priority];
    (call->previous != nullptr ? call->previous->next : band.first) = call->next;
    (call->next != nullptr ? call->next->previous : band.last) = call->previous;
    call->next = call->previous = nullptr;
    if (band.first == nullptr) {
      occupied_ &= ~(1u << call->priority);
      band.passed_over = 0;
    }
  }
  // A call of this priority had its turn: the bands below grow impatient.
  void note_turn(std::uint8_t priority) noexcept {
    bands_[priority].passed_over = 0;
    for (std::uint32_t below = occupied_ & ((1u << priority) - 1); below != 0; below &= below - 1) {
      ++bands_[static_cast<std::uint32_t>(std::countr_zero(below))].passed_over;
    }
  }

 private:
  struct Band {
    Call* first = nullptr;
    Call* last = nullptr;
    std::uint32_t passed_over = 0;
  };

  [[nodiscard]] std::uint32_t turn() const noexcept {
    for (std::uint32_t left = occupied_; left != 0; left &= left - 1) {
      const auto band = static_cast<std::uint32_t>(std::countr_zero(left));
      if (bands_[band].passed_over >= kPatience) return band;
    }
    return static_cast<std::uint32_t>(std::bit_width(occupied_)) - 1;
  }
  [[nodiscard]] Band& band_of(const Call& call) noexcept {
    occupied_ |= 1u << call.priority;
    return bands_[call.priority];
  }

  std::array<Band, detail::kPriorities> bands_;
  std::uint32_t occupied_ = 0;  // a bit for each band with a call
};

}  // namespace bulkhead::pool
