// A value that one thread changes and others may glance at. Movable, which std::atomic is not.
//
// Threads: store() by the owner only; load() by anyone. Moving while others look is the user's bug.
#pragma once

#include <atomic>

namespace bulkhead::ipc {

template <class T>
class OwnerCell {
 public:
  OwnerCell() noexcept = default;
  explicit OwnerCell(T value) noexcept : value_(value) {}
  OwnerCell(OwnerCell&& other) noexcept : value_(other.load()) {}
  OwnerCell& operator=(OwnerCell&& other) noexcept {
    store(other.load());
    return *this;
  }
  ~OwnerCell() = default;

  // relaxed, both: the value is a hint to others and orders nothing; the owner needs no ordering
  // with itself.
  [[nodiscard]] T load() const noexcept { return value_.load(std::memory_order_relaxed); }
  void store(T value) noexcept { value_.store(value, std::memory_order_relaxed); }

 private:
  static_assert(std::atomic<T>::is_always_lock_free);
  std::atomic<T> value_{};
};

}  // namespace bulkhead::ipc
