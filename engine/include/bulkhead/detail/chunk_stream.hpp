// What imap and imap_unordered are made of: chunks submitted a bounded window ahead of what was taken.
#pragma once

#include <bulkhead/detail/backend.hpp>
#include <bulkhead/detail/completion.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

namespace bulkhead::detail {

// Where chunks come from: the caller's range, whatever its type.
class ChunkSource {
 public:
  struct Chunk {
    CompletionRef completion;  // none: the range is at its end
    std::uint64_t first_index = 0;
  };
  virtual ~ChunkSource() = default;
  // Submits the next chunk. Throws what the range throws, and is not asked again then; but after QueueFull it is, and
  // submits the same chunk.
  virtual Chunk submit(Backend& backend) = 0;
};

enum class StreamOrder : bool {
  kInput,   // of the input
  kVerdict  // as they come
};

// The items of the chunks, one by one.
//
// Ownership: keeps its part of the pool alive. Dropping it cancels what has not begun.
// Threads:   one at a time.
class ChunkStream {
 public:
  struct Item {
    const Completion* chunk;
    std::size_t place;  // in the chunk
    std::uint64_t index;
  };

  ChunkStream(std::shared_ptr<Backend> backend, std::unique_ptr<ChunkSource> source, StreamOrder order);
  ChunkStream(ChunkStream&&) noexcept;
  ChunkStream& operator=(ChunkStream&&) = delete;
  ~ChunkStream();

  // True: there is an item. False: there are no more. Throws TimeoutError, and what the input range threw once all that
  // was read before it has been taken.
  [[nodiscard]] bool wait(std::chrono::steady_clock::time_point until);
  // Requires: wait() said true. The item's chunk lives until the next wait().
  [[nodiscard]] Item take() noexcept;
  // The last one again.
  void put_back() noexcept { --next_place_; }

 private:
  void read_ahead();
  void drop_free_end() noexcept;
  [[nodiscard]] std::size_t count_ahead() const noexcept;
  void next_chunk(std::chrono::steady_clock::time_point until);

  std::shared_ptr<Backend> backend_;
  std::unique_ptr<ChunkSource> source_;
  bool has_read_all_ = false;
  std::exception_ptr input_error_;

  ChunkSource::Chunk current_;  // items of it are being taken
  std::size_t next_place_ = 0;  // in current_
  // Chunks submitted, oldest first; or in any place that is free.
  // (A deque of its own: moving one allocates, and moving this must not.)
  std::unique_ptr<std::deque<ChunkSource::Chunk>> ahead_ = std::make_unique<std::deque<ChunkSource::Chunk>>();
  std::vector<std::size_t> free_places_;
  std::optional<CompletionQueue> verdicts_;  // kVerdict: over ahead_, by place
};

}  // namespace bulkhead::detail
