// The functions of bulkhead/detail/completion.hpp: what results in the embedder's hands ask of the pool.

#include "bulkhead/detail/completion.hpp"

#include <algorithm>

#include "bulkhead/error.hpp"
#include "pool/completion.hpp"
#include "pool/scheduler.hpp"

namespace bulkhead::detail {

namespace {

const pool::Call& call_of(const Completion& completion) noexcept { return static_cast<const pool::Call&>(completion); }
const pool::Map& map_of(const Completion& completion) noexcept { return static_cast<const pool::Map&>(completion); }

struct Place {
  const pool::Call& call;
  std::size_t index;
};

// Where item `index` of a call or a map lies.
Place place_of(const Completion& completion, std::size_t index) {
  if (completion.kind == Completion::Kind::kCall) return {call_of(completion), index};
  const auto& chunks = map_of(completion).chunks;
  const auto after = std::upper_bound(chunks.begin(), chunks.end(), index,
                                      [](std::size_t i, const pool::Call* chunk) { return i < chunk->first_index; });
  const pool::Call& chunk = **std::prev(after);
  return {chunk, index - static_cast<std::size_t>(chunk.first_index)};
}

// call.count when none did.
std::size_t first_failure_of(const pool::Call& call) noexcept {
  if (call.is_without_memory) return 0;
  return call.outcomes ? call.outcomes->first_failure() : call.count;
}

}  // namespace

void retain(Completion& completion) noexcept {
  completion.refs.fetch_add(1, std::memory_order_relaxed);  // relaxed: the caller holds a reference
}

void release(Completion& completion) noexcept {
  // acquire, acq_rel: the last one out must see what all others did. Whoever holds the only reference need not exchange it
  // for none: nobody else can make another.
  if (completion.refs.load(std::memory_order_acquire) == 1 ||
      completion.refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    completion.scheduler->free_completion(completion);
  }
}

bool is_done(const Completion& completion) noexcept {
  return completion.is_done.load(std::memory_order_acquire);  // [verdict]
}

bool poll(const Completion& completion) { return completion.scheduler->poll(completion); }

bool wait_until(Completion& completion, std::chrono::steady_clock::time_point until) {
  return completion.scheduler->wait_until(completion, until);
}

std::size_t item_count(const Completion& completion) noexcept {
  return completion.kind == Completion::Kind::kCall ? call_of(completion).count
                                                    : static_cast<std::size_t>(map_of(completion).items);
}

std::size_t first_failure(const Completion& completion) noexcept {
  if (completion.kind == Completion::Kind::kCall) return first_failure_of(call_of(completion));
  for (const pool::Call* chunk : map_of(completion).chunks) {
    const std::size_t failed = first_failure_of(*chunk);
    if (failed != chunk->count) return static_cast<std::size_t>(chunk->first_index) + failed;
  }
  return item_count(completion);
}

std::exception_ptr item_error(const Completion& completion, std::size_t index) {
  const Place place = place_of(completion, index);
  const pool::Failure* failure = pool::failure_of(place.call, place.index);
  return failure == nullptr ? nullptr : pool::to_exception(*failure, place.call);
}

std::span<const std::byte> item_bytes(const Completion& completion, std::size_t index) {
  const Place place = place_of(completion, index);
  return pool::result_of(place.call, place.index);
}

std::span<const std::byte> item_run(const Completion& completion, std::size_t index) {
  const Place place = place_of(completion, index);
  if (!place.call.outcomes) return {};
  return place.call.outcomes->results_from(place.index);
}

const sdk::SharedRefs& item_arrays(const Completion& completion, std::size_t index) {
  static const sdk::SharedRefs kNone;
  const Place place = place_of(completion, index);
  return place.call.outcomes ? place.call.outcomes->arrays() : kNone;
}

const TaskInfo& task_of(const Completion& completion) noexcept { return *completion.task; }

CancelOutcome cancel(Completion& completion, CancelMode mode, std::optional<TimeLimit> grace) {
  return completion.scheduler->cancel(completion, mode, grace);
}

void when_done(Completion& completion, std::function<void()> then) {
  completion.scheduler->when_done(completion, std::move(then));
}

std::chrono::steady_clock::time_point wait_limit(std::chrono::nanoseconds duration) {
  using Clock = std::chrono::steady_clock;
  if (duration < std::chrono::nanoseconds::zero()) {
    raise<UsageError, std::invalid_argument>("a wait cannot take a negative time (got " +
                                             std::to_string(duration.count()) + " ns)");
  }
  const auto now = Clock::now();
  return duration >= Clock::time_point::max() - now ? Clock::time_point::max() : now + duration;
}

}  // namespace bulkhead::detail
