// What calls cost the host in things that can be counted: allocations, bytes copied, doorbells rung. Times are for
// bulkhead-bench. The counters take the place of the library's functions in this whole program.
#include <semaphore.h>

#include <dlfcn.h>
#include <atomic>
#include <cstdlib>
#include <new>

#include "engine_fixture.hpp"

namespace {

std::atomic<std::uint64_t> allocations{0};
std::atomic<std::uint64_t> bytes_copied{0};  // by copies of a page or more
std::atomic<std::uint64_t> doorbells{0};

void* allocate(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);  // relaxed: a number
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

template <class Function>
Function* next_function(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

void count_copy(std::size_t size) {
  if (size >= 4096) bytes_copied.fetch_add(size, std::memory_order_relaxed);  // relaxed: a number
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

extern "C" void* memcpy(void* to, const void* from, std::size_t size) noexcept {
  static const auto real = next_function<void*(void*, const void*, std::size_t)>("memmove");
  count_copy(size);
  return real(to, from, size);
}
extern "C" void* memmove(void* to, const void* from, std::size_t size) noexcept {
  static const auto real = next_function<void*(void*, const void*, std::size_t)>("memmove");
  count_copy(size);
  return real(to, from, size);
}
extern "C" int sem_post(sem_t* semaphore) noexcept {
  static const auto real = next_function<int(sem_t*)>("sem_post");
  doorbells.fetch_add(1, std::memory_order_relaxed);  // relaxed: a number
  return real(semaphore);
}

namespace bulkhead::test {
namespace {

class ShapeTest : public EngineTest {
 protected:
  // How often `counter` counted while `work` ran; the fewest of several times, since what else a machine does can only add.
  template <class Work>
  static std::uint64_t fewest(const std::atomic<std::uint64_t>& counter, int times, Work work) {
    std::uint64_t least = ~std::uint64_t{0};
    for (int i = 0; i < times; ++i) {
      const std::uint64_t before = counter.load();
      work();
      least = std::min(least, counter.load() - before);
    }
    return least;
  }
};

TEST_F(ShapeTest, ACallAllocatesNothing) {
  auto pool = engine_.pool({.processes = 1});
  auto add = pool.task<std::int64_t(std::int64_t, std::int64_t)>("echo.add");
  const auto calls = [&] {
    for (std::int64_t i = 0; i < 1000; ++i) {
      if (pool.apply<std::int64_t>("echo.add", i, 1) != i + 1) std::abort();
      if (add(i, 1) != i + 1) std::abort();
    }
  };
  calls();
  EXPECT_EQ(fewest(allocations, 5, calls), 0u) << "in 2,000 calls";
}

TEST_F(ShapeTest, ACallSubmittedAheadAllocatesLessThanOnce) {
  auto pool = engine_.pool({.processes = 2});
  std::vector<AsyncResult<std::int64_t>> results;
  results.reserve(10'000);
  const auto calls = [&] {
    results.clear();
    for (std::int64_t i = 0; i < 10'000; ++i) results.push_back(pool.apply_async<std::int64_t>("echo.add", i, 1));
    for (const auto& result : results) (void)result.get();
  };
  calls();
  EXPECT_LT(fewest(allocations, 5, calls), 100u) << "in 10,000 calls";
}

TEST_F(ShapeTest, CallsSubmittedAheadRingFewDoorbells) {
  auto pool = engine_.pool({.processes = 1});
  std::vector<AsyncResult<std::int64_t>> results;
  const auto calls = [&] {
    results.clear();
    for (std::int64_t i = 0; i < 100'000; ++i) results.push_back(pool.apply_async<std::int64_t>("echo.add", i, 1));
    for (const auto& result : results) (void)result.get();
  };
  // Where one processor is to be had, a worker sleeps whenever the host runs, and wakes for a ring's worth.
  EXPECT_LT(fewest(doorbells, 3, calls), 10'000u) << "for 100,000 calls";
}

TEST_F(ShapeTest, ALargePayloadIsCopiedOnceInAndOnceOut) {
  auto pool = engine_.pool({.processes = 1});
  const std::string text(16u << 20, 'x');
  const auto echo = [&] {
    if (pool.apply<std::string>("echo.text", text) != text) std::abort();
  };
  echo();
  const std::uint64_t copied = fewest(bytes_copied, 3, echo);
  EXPECT_GE(copied, 2 * text.size()) << "into shared memory and out of it: else this test counts nothing";
  EXPECT_LE(copied, 2 * text.size() + text.size() / 8) << "there and back";
}

TEST_F(ShapeTest, ManyTextsAreCopiedOnceInAndOnceOut) {
  auto pool = engine_.pool({.processes = 1});
  const std::vector<std::string> texts(256, std::string(64u << 10, 'x'));
  const auto echo = [&] {
    if (pool.apply<std::vector<std::string>>("echo.list_text", texts) != texts) std::abort();
  };
  echo();
  const std::uint64_t size = texts.size() * texts[0].size();
  const std::uint64_t copied = fewest(bytes_copied, 3, echo);
  EXPECT_GE(copied, 2 * size);
  EXPECT_LE(copied, 2 * size + size / 8);
}

TEST_F(ShapeTest, LargeItemsOfAMapAreCopiedOnceInAndOnceOut) {
  auto pool = engine_.pool({.processes = 1});
  const std::vector<std::string> texts(4, std::string(4u << 20, 'x'));
  const auto map = [&] {
    if (pool.map<std::string>("echo.text", texts, {.chunk_size = 1}) != texts) std::abort();
  };
  map();
  const std::uint64_t size = texts.size() * texts[0].size();
  const std::uint64_t copied = fewest(bytes_copied, 3, map);
  EXPECT_GE(copied, 2 * size);
  EXPECT_LE(copied, 2 * size + size / 8);
}

TEST_F(ShapeTest, AMapOfNumbersIsCopiedAFewTimes) {
  auto pool = engine_.pool({.processes = 1});
  const std::vector<std::int64_t> numbers(1u << 20, 7);
  const auto map = [&] {
    if (pool.map<std::int64_t>("echo.i64", numbers).size() != numbers.size()) std::abort();
  };
  map();
  const std::uint64_t size = numbers.size() * sizeof numbers[0];
  const std::uint64_t copied = fewest(bytes_copied, 3, map);
  EXPECT_GE(copied, 3 * size) << "into a ring, out of the other, into the caller's vector";
  EXPECT_LE(copied, 4 * size + size / 8) << "and once more what waits for room in the ring";
  // A chunk of 64 KiB, not an item, costs a few.
  EXPECT_LT(fewest(allocations, 3, map), 20 * size / (64u << 10));
}

TEST_F(ShapeTest, ASharedArrayIsNotCopiedAtAll) {
  auto engine = Engine::from_plugins({fixture_plugin("shared")});
  auto pool = engine.pool({.processes = 1});
  const SharedArray<double> numbers(1u << 20);
  const auto hand_over = [&] {
    for (int i = 0; i < 100; ++i) {
      if (pool.apply<std::uint64_t>("shared.size_of", numbers) != numbers.size()) std::abort();
    }
  };
  hand_over();
  EXPECT_EQ(fewest(bytes_copied, 3, hand_over), 0u);
  EXPECT_LE(fewest(allocations, 3, hand_over), 100u * 5) << "lists of one array, in 100 calls";
}

}  // namespace
}  // namespace bulkhead::test
