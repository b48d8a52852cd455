// What a pool needs from whatever runs its tasks: bytes for a named task in, verdicts out.
//
// The local backend schedules over worker processes and shared memory; others may come. One virtual call a submission.
#pragma once

#include <bulkhead/detail/completion.hpp>
#include <bulkhead/detail/signature_desc.hpp>
#include <bulkhead/options.hpp>
#include <bulkhead/sdk/shared_place.hpp>
#include <bulkhead/stats.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace bulkhead::detail {

inline constexpr std::uint8_t kPriorities = 8;
inline constexpr std::uint8_t kDefaultPriority = 3;

// What manifest and plugin say about every call of a task, within the manifest's [limits].
struct TaskPolicy {
  std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max();  // max: none
  std::chrono::nanoseconds soft_timeout = std::chrono::nanoseconds::max();
  std::chrono::nanoseconds max_timeout = std::chrono::nanoseconds::max();  // [limits]: caps what a caller says
  std::uint32_t retries = 0;
  std::uint8_t priority = kDefaultPriority;
  std::uint32_t max_running = 0;  // in all workers of a pool at the same time; 0: no limit

  [[nodiscard]] bool is_plain() const noexcept {
    constexpr auto kNone = std::chrono::nanoseconds::max();
    return timeout == kNone && soft_timeout == kNone && max_timeout == kNone && retries == 0 &&
           priority == kDefaultPriority;
  }
};

// One task of the catalogue, as callers need it. Lives as long as any backend or completion that refers to it.
struct TaskInfo {
  std::string name;  // "math.add"
  SignatureDesc signature;
  std::uint64_t shape = 0;                 // over the members of the signature's user types; 0: it has none
  std::uint32_t index = 0;                 // in the catalogue
  std::uint32_t codecs = 0;                // BULKHEAD_CODEC_ bits
  std::uint32_t fixed_argument_bytes = 0;  // of one call's arguments when all have a fixed size; 0: they vary
  std::uint32_t fixed_result_bytes = 0;    // the same of its result
  TaskPolicy policy;
};

// What the caller said about one call; unset: the task's policy.
struct CallTerms {
  std::optional<TimeLimit> timeout;
  std::optional<TimeLimit> soft_timeout;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::optional<int> retries;
  std::optional<int> priority;
  ProgressCallback on_progress;
};

// The terms in force, checked.
struct Terms {
  static constexpr std::chrono::nanoseconds kNone = std::chrono::nanoseconds::max();

  std::chrono::nanoseconds timeout = kNone;
  std::chrono::nanoseconds soft_timeout = kNone;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::uint32_t retries = 0;
  std::uint8_t priority = kDefaultPriority;
  std::shared_ptr<const ProgressCallback> on_progress;

  // Nothing but its arguments matters: most calls.
  [[nodiscard]] bool are_plain() const noexcept {
    return timeout == kNone && soft_timeout == kNone && retries == 0 && priority == kDefaultPriority && !on_progress &&
           deadline == std::chrono::steady_clock::time_point::max();
  }
  // Its items cannot share a record with others.
  [[nodiscard]] bool needs_own_record() const noexcept {
    return retries > 0 || timeout != kNone || soft_timeout != kNone;
  }
};

// What the caller said, else the task's policy, within the manifest's [limits]. Throws UsageError for what makes no
// sense: a limit of zero or less, a negative number of retries, a priority outside 0 to 7.
[[nodiscard]] Terms resolve_terms(const TaskInfo& task, CallTerms asked);

// What the options of a call, or of a map, say.
template <class Options>
[[nodiscard]] CallTerms terms_of(Options& options) {
  return {.timeout = options.timeout,
          .soft_timeout = options.soft_timeout,
          .deadline = options.deadline,
          .retries = options.retries,
          .priority = options.priority,
          .on_progress = std::move(options.on_progress)};
}

// Memory of a backend's, to encode arguments into that are to lie there anyway: saves copying them.
//
// Ownership: whoever has it; it goes back to the backend with this object, unless a submission was made of it (see
//            Submission::lent). May outlive the backend.
// Threads:   one at a time.
class LentMemory {
 public:
  virtual ~LentMemory() = default;
  [[nodiscard]] virtual std::span<std::byte> bytes() const noexcept = 0;
};

// `count` items of one task, encoded.
struct Submission {
  const TaskInfo* task = nullptr;
  std::uint32_t codec = 1;
  std::uint32_t count = 1;
  std::uint32_t stride = 0;  // bytes of each item; 0: each is preceded by its size (u32)
  std::span<const std::byte> bytes;
  std::uint64_t first_index = 0;                    // of the first item within its map
  const Terms* terms = nullptr;                     // nullptr: plain
  std::shared_ptr<const sdk::SharedRefs> arrays{};  // that the bytes name; nullptr: none
  // A map that was begun and is not sealed: accepted though the pool was closed since.
  const Completion* part_of = nullptr;
  // The backend's own, where the bytes lie at its beginning; nullptr: they lie elsewhere. A backend that accepts the
  // submission keeps the memory: nobody else may read or write it then. One that throws leaves it as it was.
  LentMemory* lent = nullptr;
};

// Called once with the verdict, on the callback thread, before waiters are woken.
using VerdictCallback = std::function<void(Completion&)>;

class Backend {
 public:
  virtual ~Backend() = default;

  // Never the same for two backends of one process.
  [[nodiscard]] virtual std::uint64_t serial() const noexcept = 0;
  // Throws TaskNotFound with the nearest names.
  [[nodiscard]] virtual const TaskInfo& find_task(std::string_view name) = 0;
  [[nodiscard]] virtual std::size_t worker_count() const noexcept = 0;
  // Each item of a map is to be a chunk of its own.
  [[nodiscard]] virtual bool items_travel_alone() const noexcept = 0;

  // Arguments of more bytes than this are best encoded into memory that the backend lends. Not virtual: asked at every
  // call.
  [[nodiscard]] std::size_t lends_above() const noexcept { return lends_above_; }
  // At least `needed` bytes, more than lends_above(); `wanted`, if that is more and not too many. nullptr: no memory is
  // lent for so much, and it may lie anywhere. Throws ResourceError.
  [[nodiscard]] virtual std::unique_ptr<LentMemory> lend([[maybe_unused]] std::size_t needed,
                                                         [[maybe_unused]] std::size_t wanted) {
    return nullptr;
  }

  // Queues one call. Throws PoolClosed, PoolBroken, PayloadError (too large), QueueFull, ResourceError; then nothing is
  // queued.
  [[nodiscard]] virtual CompletionRef submit(const Submission& submission, VerdictCallback callback) = 0;

  // A map is begun, given its chunks in order, and sealed. One that is not sealed is given up: chunks that no worker
  // has begun never run. The map has its verdict when it is sealed and all its chunks have theirs.
  [[nodiscard]] virtual CompletionRef begin_map(const TaskInfo& task, VerdictCallback callback) = 0;
  virtual void add_chunk(Completion& map, const Submission& submission) = 0;
  virtual void seal_map(Completion& map) = 0;
  virtual void abandon_map(Completion& map) noexcept = 0;

  // True in a child after fork(): nothing works there, and it must only be forgotten.
  [[nodiscard]] virtual bool is_forked_copy() const noexcept = 0;

  // Throws UsageError for a number that makes no sense, ResourceError; then nothing has changed.
  virtual void resize(int processes) = 0;
  [[nodiscard]] virtual PoolStats stats() = 0;
  // Closes, then waits until `until`; see Pool::drain().
  [[nodiscard]] virtual DrainReport drain(std::chrono::steady_clock::time_point until,
                                          std::chrono::nanoseconds soft_grace) = 0;

  virtual void close() = 0;
  virtual void terminate() = 0;
  // Throws UsageError before close() or terminate().
  virtual void join() = 0;
  virtual void revive() = 0;

 protected:
  Backend() = default;  // lends nothing
  explicit Backend(std::size_t lends_above) noexcept : lends_above_(lends_above) {}

 private:
  const std::size_t lends_above_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace bulkhead::detail
