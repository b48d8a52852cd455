#include "map_pace.hpp"

#include <algorithm>

namespace bulkhead::cli {

namespace {

// Ahead of what is written, for each worker: enough that one slow item does not make the others wait for long.
constexpr std::size_t kMostAhead = 512;
// Until it is known how long items take they travel one by one, which costs much where they take little. So few of them
// are sent before the first result, and for each result as many more.
constexpr std::size_t kFirstAhead = 8;
// A chunk should keep a worker busy for about this long: long against the cost of sending it, short enough to share
// the work evenly at the end.
constexpr double kChunkSeconds = 0.004;

}  // namespace

MapPace::MapPace(std::size_t workers, std::optional<int> chunk)
    : workers_(workers),
      is_chunk_fixed_(chunk.has_value()),
      ahead_of_worker_(kFirstAhead),
      chunk_items_(static_cast<std::size_t>(chunk.value_or(1))) {
  if (is_chunk_fixed_) ahead_of_worker_ = std::max(kMostAhead, 4 * chunk_items_);
}

void MapPace::note_done(std::size_t items, Clock::time_point now) {
  done_ += items;
  if (is_chunk_fixed_) return;
  ahead_of_worker_ = std::min<std::size_t>(kMostAhead, kFirstAhead * (1 + done_ / workers_));
  if (!first_) {
    // The first one waited for its worker to start.
    first_ = now;
    done_before_ = done_;
    return;
  }
  const double seconds = std::chrono::duration<double>(now - *first_).count() * static_cast<double>(workers_);
  // Chunks need not be long while there is little to do: seconds counts waiting for input as work.
  const double wanted = seconds > 0 ? kChunkSeconds * static_cast<double>(done_ - done_before_) / seconds : 1;
  chunk_items_ = static_cast<std::size_t>(std::clamp(wanted, 1.0, static_cast<double>(ahead_of_worker_ / 4)));
}

}  // namespace bulkhead::cli
