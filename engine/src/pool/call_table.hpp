// The task table: entries that are used again and again, in memory that only grows.
//
// Ownership: owns every Call; pointers stay valid as long as the table.
// Threads:   take(), for_each() and close() by one thread at a time (the scheduler's lock); give_back() by any thread,
//            without a lock.
#pragma once

#include <atomic>
#include <cstdint>
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
  // Forgets what it held, then makes it available. True: it was the last one out of a closed table, which nobody uses any
  // more.
  [[nodiscard]] bool give_back(Call* call) noexcept;
  // Nothing will be taken any more. True: nothing is out.
  [[nodiscard]] bool close() noexcept;

 private:
  static constexpr std::uint32_t kCallsPerSlab = 256;
  // Entries are named by their index, counted from 1.
  static constexpr std::uint32_t kNobody = 0;

  [[nodiscard]] Call& at(std::uint32_t name) noexcept {
    return slabs_[(name - 1) / kCallsPerSlab][(name - 1) % kCallsPerSlab];
  }
  void grow();

  // Guarded by the caller of take().
  std::vector<std::unique_ptr<Call[]>> slabs_;
  std::uint32_t free_ = kNobody;  // the first of a list
  std::uint64_t out_ = 0;         // taken, less those that take() found returned; final once it is closed
  // A stack that many push to and one empties whole, so no entry can return to it unseen (no ABA): how many it has, which
  // is on top, and whether the table is closed. All in one word, so that whoever pushes the last one knows it without
  // another look at a table that may then be gone.
  // [return] release by who pushes, acquire by who takes or is the last: the entries' fields were reset before.
  struct Returned {
    static constexpr std::uint64_t kClosed = std::uint64_t{1} << 63;
    static constexpr std::uint64_t kOne = std::uint64_t{1} << 32;

    static constexpr std::uint32_t top(std::uint64_t word) noexcept { return static_cast<std::uint32_t>(word); }
    static constexpr std::uint64_t count(std::uint64_t word) noexcept { return (word & ~kClosed) >> 32; }
    static constexpr std::uint64_t pushed(std::uint64_t word, std::uint32_t name) noexcept {
      return (word & ~std::uint64_t{0xffffffff}) + kOne + name;
    }
  };
  std::atomic<std::uint64_t> returned_{0};
};

}  // namespace bulkhead::pool
