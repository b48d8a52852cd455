// How many items of a map travel together, and how many are read ahead of what is written: by how long they take.
//
// Threads: one at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace bulkhead::cli {

class MapPace {
 public:
  using Clock = std::chrono::steady_clock;

  // `chunk`: so many travel together, however long they take.
  MapPace(std::size_t workers, std::optional<int> chunk);

  // So many more have a result, whether or not it is their turn to be written. `now` never goes back.
  void note_done(std::size_t items, Clock::time_point now);

  // At most a quarter of what is read ahead for a worker, which never becomes less: a chunk can always be filled.
  [[nodiscard]] std::size_t chunk_items() const noexcept { return chunk_items_; }
  [[nodiscard]] std::size_t items_ahead() const noexcept { return workers_ * ahead_of_worker_; }

 private:
  std::size_t workers_;
  bool is_chunk_fixed_;
  std::size_t ahead_of_worker_;
  std::size_t chunk_items_;
  std::uint64_t done_ = 0;
  std::optional<Clock::time_point> first_;
  std::uint64_t done_before_ = 0;  // when the clock started
};

}  // namespace bulkhead::cli
