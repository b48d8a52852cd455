#include "bulkhead/detail/chunk_stream.hpp"

#include <algorithm>
#include <utility>

#include "bulkhead/async_result.hpp"
#include "bulkhead/error.hpp"

namespace bulkhead::detail {

ChunkStream::ChunkStream(std::shared_ptr<Backend> backend, std::unique_ptr<ChunkSource> source, StreamOrder order)
    : backend_(std::move(backend)), source_(std::move(source)) {
  if (order == StreamOrder::kVerdict) verdicts_.emplace(std::span<Completion* const>());
}

ChunkStream::ChunkStream(ChunkStream&&) noexcept = default;

// What was read ahead and has not begun never runs.
ChunkStream::~ChunkStream() {
  if (!backend_ || backend_->is_forked_copy()) return;
  for (const auto& chunk : *ahead_) {
    if (chunk.completion) (void)cancel(*chunk.completion, CancelMode::kCooperative, std::nullopt);
  }
}

std::size_t ChunkStream::count_ahead() const noexcept { return ahead_->size() - free_places_.size(); }

// Enough that every worker has work while the caller looks at a result, and no more.
void ChunkStream::read_ahead() {
  while (!has_read_all_ && count_ahead() < 2 * backend_->worker_count() + 1) {
    // A place first: what is submitted must not be lost for want of one.
    if (free_places_.empty()) {
      free_places_.reserve(ahead_->size() + 1);
      ahead_->emplace_back();
      free_places_.push_back(ahead_->size() - 1);
    }
    const std::size_t place = free_places_.back();
    auto& chunk = (*ahead_)[place];
    try {
      chunk = source_->submit(*backend_);
      if (!chunk.completion) {
        has_read_all_ = true;
      } else if (verdicts_) {
        verdicts_->add(*chunk.completion, place);
      }
    } catch (const QueueFull&) {
      if (count_ahead() == 0) throw;
      drop_free_end();
      return;  // again when a result was taken
    } catch (...) {
      if (chunk.completion) (void)cancel(*chunk.completion, CancelMode::kCooperative, std::nullopt);
      chunk = {};
      has_read_all_ = true;
      input_error_ = std::current_exception();
    }
    if (chunk.completion) free_places_.pop_back();
  }
  drop_free_end();
}

// Without verdicts the places are a queue.
void ChunkStream::drop_free_end() noexcept {
  if (verdicts_ || free_places_.empty()) return;
  free_places_.clear();
  ahead_->pop_back();
}

void ChunkStream::next_chunk(std::chrono::steady_clock::time_point until) {
  if (!verdicts_) {
    Completion& oldest = *ahead_->front().completion;
    if (!wait_until(oldest, until)) raise_wait_ended(oldest);
    current_ = std::move(ahead_->front());
    ahead_->pop_front();
    return;
  }
  const auto place = verdicts_->next(until);
  if (!place) {
    const auto any =
        std::find_if(ahead_->begin(), ahead_->end(), [](const auto& chunk) { return bool(chunk.completion); });
    raise_wait_ended(*any->completion);
  }
  current_ = std::exchange((*ahead_)[*place], {});
  free_places_.push_back(*place);  // there is room for every place
}

bool ChunkStream::wait(std::chrono::steady_clock::time_point until) {
  if (!backend_) return false;  // moved from
  if (current_.completion) {
    if (next_place_ < item_count(*current_.completion)) return true;
    current_ = {};
  }
  read_ahead();
  if (count_ahead() == 0) {
    if (input_error_) std::rethrow_exception(std::exchange(input_error_, nullptr));
    return false;
  }
  next_chunk(until);
  next_place_ = 0;
  return true;
}

ChunkStream::Item ChunkStream::take() noexcept {
  const std::size_t place = next_place_++;
  return {.chunk = current_.completion.get(), .place = place, .index = current_.first_index + place};
}

}  // namespace bulkhead::detail
