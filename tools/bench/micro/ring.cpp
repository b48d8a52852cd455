// The ring between two processes, here between two threads or within one.
#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "ipc/spsc_ring.hpp"

namespace {

using bulkhead::ipc::RingConsumer;
using bulkhead::ipc::RingProducer;

struct Ring {
  alignas(64) std::atomic<std::uint64_t> tail{0};
  alignas(64) std::atomic<std::uint64_t> head{0};
  alignas(64) std::array<std::byte, std::size_t{1} << 20> data{};
  RingProducer producer{tail, head, data};
  RingConsumer consumer{head, tail, data};

  bool try_send(const std::byte* content, std::size_t size) {
    const auto room = producer.try_reserve(size);
    if (room.empty()) return false;
    std::memcpy(room.data(), content, size);
    producer.publish(size);
    return true;
  }
  bool try_take(std::byte* content) {
    std::span<const std::byte> frame;
    if (consumer.peek(frame) != RingConsumer::Take::kFrame) return false;
    std::memcpy(content, frame.data(), frame.size());
    consumer.pop();
    return true;
  }
};

// A frame in and out by the same thread: what the code itself costs.
void ring_in_and_out(benchmark::State& state) {
  const auto ring = std::make_unique<Ring>();
  const auto size = static_cast<std::size_t>(state.range(0));
  std::vector<std::byte> content(size);
  for (auto _ : state) {
    if (!ring->try_send(content.data(), size) || !ring->try_take(content.data())) state.SkipWithError("a full ring");
    ring->consumer.release();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(ring_in_and_out)->RangeMultiplier(8)->Range(8, 4096);

// A stream of frames from one thread to another.
void ring_between_threads(benchmark::State& state) {
  const auto ring = std::make_unique<Ring>();
  const auto size = static_cast<std::size_t>(state.range(0));
  std::atomic<bool> is_over = false;
  std::thread consumer([&] {
    std::vector<std::byte> content(size);
    while (!is_over.load(std::memory_order_relaxed)) {
      int taken = 0;
      while (taken < 64 && ring->try_take(content.data())) ++taken;
      if (taken > 0) {
        ring->consumer.release();
      } else {
        std::this_thread::yield();
      }
    }
  });
  const std::vector<std::byte> content(size);
  for (auto _ : state) {
    while (!ring->try_send(content.data(), size)) std::this_thread::yield();
  }
  is_over = true;
  consumer.join();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(ring_between_threads)->Arg(64)->UseRealTime();

}  // namespace
