// The task table: entries that are used again and again, in memory that only grows.
//
// Ownership: owns every Call; pointers stay valid as long as the table.
// Threads:   take() by one thread at a time (the scheduler's lock); give_back() by any thread, without a lock.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "pool/completion.hpp"

namespace bulkhead::pool {

class CallTable {
 public:
  // An entry in its initial state. Throws std::bad_alloc.
  [[nodiscard]] Call* take();
  // Under the lock of take(): every entry, those that are free too.
  template <class Do>
  void for_each(Do act) {
    for (auto& slab : slabs_) {
      for (std::size_t i = 0; i < kCallsPerSlab; ++i) act(slab[i]);
    }
  }
  // Forgets what it held, then makes it available.
  void give_back(Call* call) noexcept;

 private:
  static constexpr std::size_t kCallsPerSlab = 256;

  // Guarded by the caller of take().
  std::vector<std::unique_ptr<Call[]>> slabs_;
  Call* free_ = nullptr;
  // A stack that many push to and one empties whole, so no entry can return to it unseen (no ABA).
  // [return] release by who pushes, acquire by who takes: the entry's fields were reset before.
  std::atomic<Call*> returned_{nullptr};
};

}  // namespace bulkhead::pool
