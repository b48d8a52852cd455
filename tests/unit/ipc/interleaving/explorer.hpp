// Runs two threads of a scenario in every order of their atomic accesses, up to a number of preemptions, on a machine
// with store buffers, and looks for data that are read or overwritten without order.
//
// The threads are fibers of one real thread: an access of a SteppedAtomic is where another may come first. A store that
// is not seq_cst waits in its thread's buffer, in order, and reaches memory whenever the other thread lets it (x86). What
// acquire and release order is followed by vector clocks, so that an order that x86 has for nothing is missed too.
//
// Preemptions are bounded, waits and buffers are not: an error that needs more than that many is not found.
//
// Ownership: one Explorer at a time; the atomics find it by themselves.
// Threads:   one.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bulkhead::ipc::testing {

// What a thread has seen of each.
using Clock = std::array<std::uint32_t, 2>;

struct Word {
  std::uint64_t value = 0;
  Clock released{};  // what whoever acquires it has seen then
  // Seeded mistakes.
  enum class Swap : bool { kAtomic, kLoadAndStore };
  std::memory_order strongest_store = std::memory_order_seq_cst;
  std::memory_order strongest_load = std::memory_order_seq_cst;
  Swap swap = Swap::kAtomic;
};

// Eight bytes of plain memory: who wrote and who read them last, and when.
struct Shadow {
  Clock written{};
  Clock read{};
};

class Scenario {
 public:
  virtual ~Scenario() = default;
  virtual void run(int thread) = 0;
  virtual void check() = 0;  // when both have come to their ends
};

class Explorer {
 public:
  struct Result {
    std::string failure;  // of the first schedule that has one; empty: none has
    std::uint64_t schedules = 0;
  };
  [[nodiscard]] static Result explore(const std::function<std::unique_ptr<Scenario>()>& make,
                                      std::uint32_t preemptions);

  // For scenarios, while they run.
  static void await(const std::function<bool()>& condition);
  static void fail(const std::string& why);
  static void note_write(Shadow& data);
  static void note_read(Shadow& data);

  // For SteppedAtomic.
  [[nodiscard]] static std::uint64_t load(const Word& word, std::memory_order order);
  static void store(Word& word, std::uint64_t value, std::memory_order order);
  [[nodiscard]] static bool exchange(Word& word, std::uint64_t& expected, std::uint64_t desired);

 private:
  struct Fibers;
  struct Choice {
    std::size_t taken;
    std::size_t options;
  };
  struct Store {
    Word* word;
    std::uint64_t value;
    Clock released;
  };

  explicit Explorer(std::uint32_t preemptions);
  ~Explorer();
  void run_once(Scenario& scenario);
  [[nodiscard]] bool next_path();
  [[nodiscard]] std::size_t choose(std::size_t options);
  void point();
  void let_stores_through();
  [[nodiscard]] bool let_time_pass();
  void flush_one(int thread);
  void flush(int thread);
  void wait(const std::function<bool()>& condition);
  [[nodiscard]] bool can_run(int thread) const;
  void end_thread();
  void acquire(const Word& word);
  [[nodiscard]] Clock release_clock(std::memory_order order);
  static void enter(int thread);

  std::unique_ptr<Fibers> fibers_;
  const std::uint32_t most_preemptions_;
  std::vector<Choice> path_;
  std::size_t depth_ = 0;
  std::string failure_;
  Scenario* scenario_ = nullptr;
  std::uint32_t preemptions_ = 0;
  int running_ = 0;
  std::array<bool, 2> has_ended_{};
  std::array<const std::function<bool()>*, 2> awaited_{};
  std::array<std::deque<Store>, 2> buffers_;
  std::array<Clock, 2> clocks_{};
};

// Takes the place of std::atomic<std::uint64_t>.
template <class T>
class SteppedAtomic : public Word {
 public:
  static constexpr bool is_always_lock_free = true;
  static_assert(sizeof(T) == sizeof(std::uint64_t));

  [[nodiscard]] T load(std::memory_order order) const { return Explorer::load(*this, order); }
  void store(T desired, std::memory_order order) { Explorer::store(*this, desired, order); }
  // Every exchange in these headers acquires and releases.
  [[nodiscard]] bool compare_exchange_strong(T& expected, T desired, std::memory_order, std::memory_order) {
    return Explorer::exchange(*this, expected, desired);
  }
  [[nodiscard]] bool compare_exchange_weak(T& expected, T desired, std::memory_order, std::memory_order) {
    return Explorer::exchange(*this, expected, desired);
  }
};

}  // namespace bulkhead::ipc::testing
