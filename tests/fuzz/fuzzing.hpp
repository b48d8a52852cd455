// What the fuzz targets share: claims about what they saw, and a limit on what a decoder may allocate.
//
// Threads: one.
// A claim that does not hold aborts, and libFuzzer keeps the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace bulkhead::fuzz {

// Says what is wrong and aborts, unless `holds`.
void require(bool holds, std::string_view claim);

// While one lives, more than `bytes` allocated in all (not: at a time) aborts where it happens.
class AllocationLimit {
 public:
  explicit AllocationLimit(std::size_t bytes);
  ~AllocationLimit();
  AllocationLimit(const AllocationLimit&) = delete;
  AllocationLimit& operator=(const AllocationLimit&) = delete;
};

// The input, taken apart from its front.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : left_(std::as_bytes(std::span(data, size))) {}

  // 0 when none is left.
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const auto byte = static_cast<std::uint8_t>(left_.front());
    left_ = left_.subspan(1);
    return byte;
  }
  // Fewer when fewer are left.
  std::span<const std::byte> bytes(std::size_t count) {
    const auto taken = left_.first(count < left_.size() ? count : left_.size());
    left_ = left_.subspan(taken.size());
    return taken;
  }
  [[nodiscard]] std::span<const std::byte> rest() const { return left_; }
  [[nodiscard]] std::string_view text() const { return {reinterpret_cast<const char*>(left_.data()), left_.size()}; }

 private:
  std::span<const std::byte> left_;
};

}  // namespace bulkhead::fuzz
