// What callers wait for: one call (an entry of the task table), or one map over many.
//
// Ownership: counted. The pool holds a reference until there is a verdict; results hold one each.
// Threads:   `refs` and `is_done` are for any thread. Everything else is guarded by the scheduler's mutex until is_done
//            is true, and never changes afterwards.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bulkhead/detail/backend.hpp"
#include "bulkhead/error.hpp"
#include "pool/callback_queue.hpp"
#include "pool/outcomes.hpp"

namespace bulkhead::pool {

class Scheduler;
struct WaitNode;

// An item's progress until the callback thread comes to it.
class UntoldProgress {
 public:
  explicit UntoldProgress(Progress progress) : progress_(std::move(progress)) {}

  // False: it was told already, or is another item's.
  [[nodiscard]] bool replace(Progress& progress) {
    const std::lock_guard lock(mutex_);
    if (is_told_ || progress.index != progress_.index) return false;
    progress_ = std::move(progress);
    return true;
  }
  [[nodiscard]] Progress take() {
    const std::lock_guard lock(mutex_);
    is_told_ = true;
    return std::move(progress_);
  }

 private:
  std::mutex mutex_;
  Progress progress_;
  bool is_told_ = false;
};

// What is to be told of a verdict, and its place in the queue of callbacks.
struct ToldVerdict {
  explicit ToldVerdict(detail::VerdictCallback call) : callback(std::move(call)) {}
  detail::VerdictCallback callback;
  std::unique_ptr<Callback> place = std::make_unique<Callback>();
};

// Bytes that are kept in place when they are few.
class SmallBytes {
 public:
  static constexpr std::size_t kInlineBytes = 40;

  [[nodiscard]] std::span<const std::byte> get() const noexcept {
    return {heap_ ? heap_.get() : inline_.data(), size_};
  }
  // Throws std::bad_alloc; then nothing has changed.
  void assign(std::span<const std::byte> bytes);
  void clear() noexcept {
    heap_.reset();
    size_ = 0;
  }

 private:
  std::unique_ptr<std::byte[]> heap_;
  std::uint32_t size_ = 0;
  std::array<std::byte, kInlineBytes> inline_;
};

}  // namespace bulkhead::pool

namespace bulkhead::detail {

// The part that calls and maps share. Named in the public headers, defined only here.
class Completion {
 public:
  enum class Kind : std::uint8_t { kCall, kMap };

  explicit Completion(Kind completion_kind) noexcept : kind(completion_kind) {}
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  std::atomic<std::uint32_t> refs{0};
  // [verdict] Stored with release once everything below is final; readers acquire.
  std::atomic<bool> is_done{false};
  const Kind kind;
  pool::Scheduler* scheduler = nullptr;  // counted by the scheduler's own references
  const TaskInfo* task = nullptr;
  pool::WaitNode* waiters = nullptr;  // of those who wait for it, linked
  // Runs once, before is_done.
  std::unique_ptr<pool::ToldVerdict> callback;
  // Run once, after is_done.
  std::unique_ptr<std::vector<std::unique_ptr<pool::Callback>>> continuations;

 protected:
  ~Completion() = default;
};

}  // namespace bulkhead::detail

namespace bulkhead::pool {

struct Map;

// What only some calls need: limits, retries, a wish to stop.
struct CallExtras {
  using Clock = std::chrono::steady_clock;

  detail::Terms terms;
  std::vector<Cause> attempts;  // how the earlier ones ended
  SmallBytes arguments;         // kept for another attempt, when terms.retries > 0 and they are not large
  Clock::time_point submitted;  // the attempt: when it was queued
  // While offered and limited: since when a look found it running.
  std::optional<Clock::time_point> seen_running;
  // In CallTimers.
  Clock::time_point due = Clock::time_point::max();
  std::size_t timer = kNoTimer;
  bool is_told_to_stop = false;  // cancelled
  bool is_past_soft_limit = false;
  // Its worker is being killed for this; the verdict, unless a result comes first.
  std::optional<Failure> sentence;
  std::shared_ptr<UntoldProgress> latest_progress;  // the one last queued

  static constexpr std::size_t kNoTimer = static_cast<std::size_t>(-1);
};

// One entry of the task table: `count` items of one task that travel together, one for a plain call.
struct Call final : detail::Completion {
  Call() noexcept : Completion(Kind::kCall) {}

  enum class State : std::uint8_t {
    kFree,
    kPending,  // in the pending queue
    kHeld,     // in the queue of its task, which runs as often as it may
    kDelayed,  // waits for its next attempt
    kOffered,  // in a worker's ring, or running
    kVerdict,
  };

  std::uint64_t id = 0;  // never used twice
  State state = State::kFree;
  std::uint8_t priority = detail::kDefaultPriority;
  std::uint8_t codec = 1;
  bool is_without_memory = false;  // the host had none for what became of its items: all of them fail with that
  std::uint32_t table_index = 0;   // in the table, for ever
  std::uint32_t next_free = 0;     // there, while it is free
  std::uint16_t attempt = 1;
  std::uint32_t count = 0;
  std::uint32_t stride = 0;
  std::uint64_t first_index = 0;   // of item 0, within the map
  std::uint32_t finished = 0;      // items that have an outcome; the next reply is about this one
  std::uint32_t offered_from = 0;  // `finished` when it was offered: the record's first item
  std::uint32_t worker = 0;        // slot it was offered to, while kOffered
  std::uint64_t sequence = 0;      // of its record there
  Call* next = nullptr;            // in the pending queue
  Call* previous = nullptr;
  Map* map = nullptr;
  // Arguments while pending (of the items not finished yet), the result of a single item afterwards.
  SmallBytes bytes;
  std::unique_ptr<LargeBytes> large;  // arguments too large for a ring
  // That the arguments name: there, and known to every worker that gets them, until the verdict.
  std::unique_ptr<sdk::SharedRefs> arrays;
  std::unique_ptr<Outcomes> outcomes;
  std::unique_ptr<CallExtras> extras;
  std::chrono::steady_clock::time_point submitted{};  // unset: its times are not asked for

  // As it was when it was made, for its next use.
  void reset() noexcept;
  // Bytes of arguments that the host holds for it while it waits.
  [[nodiscard]] std::uint64_t held_bytes() const noexcept { return large ? large->size : bytes.get().size(); }
};
static_assert(sizeof(Call) <= 256, "a queued task is to cost no more");

// All chunks of one map(), in order.
struct Map final : detail::Completion {
  Map() noexcept : Completion(Kind::kMap) {}

  std::vector<Call*> chunks;  // a reference each
  std::uint64_t items = 0;
  std::size_t open_chunks = 0;  // without a verdict
  bool is_sealed = false;
};

// Whether the pool owes it a verdict.
[[nodiscard]] inline bool is_open(const Call& call) noexcept {
  return call.state != Call::State::kFree && call.state != Call::State::kVerdict;
}

// Of a call with a verdict. nullptr: item `index` succeeded.
[[nodiscard]] const Failure* failure_of(const Call& call, std::size_t index) noexcept;
[[nodiscard]] std::span<const std::byte> result_of(const Call& call, std::size_t index) noexcept;
// The exception to throw for it.
[[nodiscard]] std::exception_ptr to_exception(const Failure& failure, const Call& call);

}  // namespace bulkhead::pool
