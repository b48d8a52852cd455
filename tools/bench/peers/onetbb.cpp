#include "peers/peer.hpp"

#if BULKHEAD_BENCH_HAS_TBB

#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <atomic>

namespace bulkhead::bench {

namespace {

namespace tbb = oneapi::tbb;

// The fastest hand-over oneTBB has: its worker spins for a while before it sleeps, and so does whoever waits here.
class TbbArena final : public Peer {
 public:
  TbbArena() : Peer("oneTBB arena, spinning caller"), arena_(2, 1) { arena_.initialize(); }

  std::int64_t call(std::int64_t x) override {
    std::int64_t result = 0;
    std::atomic<bool> is_done = false;
    arena_.enqueue([&result, &is_done, x] {
      result = square(x);
      is_done.store(true, std::memory_order_release);
    });
    while (!is_done.load(std::memory_order_acquire)) relax_cpu();
    return result;
  }

  std::uint64_t call_ahead(std::int64_t count) override {
    std::vector<std::int64_t> results(static_cast<std::size_t>(count));
    std::atomic<std::int64_t> done = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      arena_.enqueue([&results, &done, i] {
        results[static_cast<std::size_t>(i)] = square(i);
        done.fetch_add(1, std::memory_order_release);
      });
    }
    while (done.load(std::memory_order_acquire) != count) relax_cpu();
    std::uint64_t sum = 0;
    for (const auto result : results) sum += static_cast<std::uint64_t>(result);
    return sum;
  }

 private:
  tbb::task_arena arena_;
};

class TbbTaskGroup final : public Peer {
 public:
  TbbTaskGroup() : Peer("oneTBB task_group, 2 threads"), arena_(2) { arena_.initialize(); }

  std::int64_t call(std::int64_t x) override {
    std::int64_t result = 0;
    arena_.execute([&] {
      tbb::task_group group;
      group.run([&result, x] { result = square(x); });
      group.wait();
    });
    return result;
  }

  std::uint64_t call_ahead(std::int64_t count) override {
    std::vector<std::int64_t> results(static_cast<std::size_t>(count));
    arena_.execute([&] {
      tbb::task_group group;
      for (std::int64_t i = 0; i < count; ++i) {
        group.run([&results, i] { results[static_cast<std::size_t>(i)] = square(i); });
      }
      group.wait();
    });
    std::uint64_t sum = 0;
    for (const auto result : results) sum += static_cast<std::uint64_t>(result);
    return sum;
  }

 private:
  tbb::task_arena arena_;
};

}  // namespace

PeerPtr make_onetbb_arena() { return std::make_unique<TbbArena>(); }
PeerPtr make_onetbb_task_group() { return std::make_unique<TbbTaskGroup>(); }

}  // namespace bulkhead::bench

#else

namespace bulkhead::bench {

PeerPtr make_onetbb_arena() { return nullptr; }
PeerPtr make_onetbb_task_group() { return nullptr; }

}  // namespace bulkhead::bench

#endif
