// A map from numbers to numbers whose caller waits for it.
#pragma once

#include <bulkhead/detail/chunks.hpp>
#include <bulkhead/error.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <span>
#include <type_traits>
#include <vector>

namespace bulkhead::detail {

template <class R, class Range>
[[nodiscard]] consteval bool maps_numbers() {
  if constexpr (std::is_void_v<R>) {
    return false;
  } else {
    return are_numbers_in_memory<Range> && sdk::is_plain_number<R>;
  }
}

// Of a type the task declares, and not item by item.
template <class R>
[[nodiscard]] bool can_map_numbers(const Backend& backend, const Binding& binding, const Terms& terms) {
  return binding.is_exact && !terms.needs_own_record() && !backend.items_travel_alone() &&
         sdk::type_text<R>().view() == binding.task->signature.result.text;
}

// How many chunks of that size are to be on their way.
[[nodiscard]] std::size_t chunks_on_their_way(std::size_t workers, std::size_t chunk_bytes) noexcept;

// So many bytes are about to be written there, from the first to the last.
void expect_to_fill(void* memory, std::size_t bytes) noexcept;

// Appends the results of a chunk that is done, as far as none has failed; `error` is the first failure of all.
template <class R>
void append_chunk(std::vector<R>& results, const Completion& chunk, std::exception_ptr& error) {
  const std::size_t count = item_count(chunk);
  if (const std::size_t failed = first_failure(chunk); failed != count && !error) error = item_error(chunk, failed);
  if (error) return;
  for (std::size_t place = 0; place < count;) {
    const auto run = item_run(chunk, place);
    if (run.empty()) {
      results.push_back(decode_item<R>(chunk, place++));
      continue;
    }
    const auto* const first = reinterpret_cast<const R*>(run.data());
    results.insert(results.end(), first, first + run.size() / sizeof(R));
    place += run.size() / sizeof(R);
  }
}

// A map that was begun, and whose parts the caller submits himself: a pool that is closed meanwhile waits for them.
class BegunMap {
 public:
  BegunMap(Backend& backend, const TaskInfo& task) : backend_(backend), map_(backend.begin_map(task, {})) {}
  BegunMap(const BegunMap&) = delete;
  BegunMap& operator=(const BegunMap&) = delete;
  ~BegunMap() { backend_.seal_map(*map_); }
  [[nodiscard]] const Completion* get() const noexcept { return map_.get(); }

 private:
  Backend& backend_;
  CompletionRef map_;
};

// What Pool::map() does, with a bounded number of chunks on their way and their results taken as they come: so all that is
// on its way stays in the processors' caches, where everything submitted first would be written to memory and read again,
// twice. Behind a chunk that takes long others go on.
template <class R, class Range>
[[nodiscard]] std::vector<R> map_numbers(Backend& backend, const Binding& binding, Range& range, std::uint32_t chunk,
                                         const Terms& terms) {
  constexpr std::size_t kBytes = sizeof(element_t<Range>);
  const std::span elements(std::ranges::data(range), static_cast<std::size_t>(std::ranges::size(range)));
  const BegunMap map(backend, *binding.task);
  std::vector<R> results;
  results.reserve(elements.size());
  expect_to_fill(results.data(), elements.size() * sizeof(R));
  struct Chunk {
    CompletionRef completion;
    bool is_done = false;  // and `open` has given it out: it may go
  };
  std::deque<Chunk> chunks;  // the oldest first
  std::size_t taken = 0;     // chunks that are gone
  CompletionQueue open({});  // tags: which chunk
  std::size_t submitted = 0;
  std::exception_ptr error;    // of the first item that has one
  std::exception_ptr refusal;  // why the items from `submitted` on are not done
  const auto submit_next = [&] {
    const auto part = elements.subspan(submitted, std::min<std::size_t>(chunk, elements.size() - submitted));
    chunks.push_back({backend.submit({.task = binding.task,
                                      .count = static_cast<std::uint32_t>(part.size()),
                                      .stride = kBytes,
                                      .bytes = std::as_bytes(part),
                                      .first_index = submitted,
                                      .terms = terms.are_plain() ? nullptr : &terms,
                                      .part_of = map.get()},
                                     {})});
    open.add(*chunks.back().completion, taken + chunks.size() - 1);
    submitted += part.size();
  };
  const auto may_submit = [&] {
    return !refusal && submitted < elements.size() &&
           open.size() < chunks_on_their_way(backend.worker_count(), chunk * kBytes);
  };
  try {
    do {
      try {
        while (may_submit()) submit_next();
      } catch (const QueueFull&) {  // results must be taken first, if there are any to come
        if (open.size() == 0) refusal = std::current_exception();
      } catch (...) {
        refusal = std::current_exception();
      }
      if (const auto done = open.next(std::chrono::steady_clock::time_point::max())) {
        chunks[*done - taken].is_done = true;
      }
      for (; !chunks.empty() && chunks.front().is_done; chunks.pop_front(), ++taken) {
        append_chunk(results, *chunks.front().completion, error);
      }
    } while (open.size() > 0 || (!refusal && submitted < elements.size()));
  } catch (...) {
    for (const Chunk& begun : chunks) (void)cancel(*begun.completion, CancelMode::kCooperative, std::nullopt);
    throw;
  }
  if (error) std::rethrow_exception(error);
  if (refusal) std::rethrow_exception(refusal);
  return results;
}

}  // namespace bulkhead::detail
