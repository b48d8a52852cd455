// A ring over plain memory with both its ends, and reproducible randomness.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "ipc/spsc_ring.hpp"

namespace bulkhead::ipc::testing {

// $BULKHEAD_TEST_SEED repeats a run. The seed is printed with every failure in its scope.
class Seed {
 public:
  Seed() : value_(chosen()), trace_(__FILE__, __LINE__, "BULKHEAD_TEST_SEED=" + std::to_string(value_)) {}
  [[nodiscard]] std::mt19937_64 generator(std::uint64_t stream = 0) const { return std::mt19937_64(value_ + stream); }

 private:
  static std::uint64_t chosen() {
    const char* text = std::getenv("BULKHEAD_TEST_SEED");
    return text == nullptr ? std::random_device{}() : std::strtoull(text, nullptr, 10);
  }
  std::uint64_t value_;
  ::testing::ScopedTrace trace_;
};

inline std::vector<std::byte> bytes_of(std::uint64_t id, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(id * 131 + i * 7);
  return bytes;
}

inline std::vector<std::byte> copy(std::span<const std::byte> frame) { return {frame.begin(), frame.end()}; }

template <std::size_t kCapacity>
struct Ring {
  alignas(64) std::atomic<std::uint64_t> tail{0};
  alignas(64) std::atomic<std::uint64_t> head{0};
  alignas(64) std::array<std::byte, kCapacity> data{};
  RingProducer producer{tail, head, data};
  RingConsumer consumer{head, tail, data};

  bool try_send(std::span<const std::byte> content) {
    const auto room = producer.try_reserve(content.size());
    if (room.empty()) return false;
    std::memcpy(room.data(), content.data(), content.size());
    producer.publish(content.size());
    return true;
  }
  // Empty when there is nothing, or corruption.
  std::vector<std::byte> take() {
    std::span<const std::byte> frame;
    if (consumer.peek(frame) != RingConsumer::Take::kFrame) return {};
    auto content = copy(frame);
    consumer.pop();
    consumer.release();
    return content;
  }
};

}  // namespace bulkhead::ipc::testing
