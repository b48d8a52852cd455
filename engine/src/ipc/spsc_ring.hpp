// A lock-free byte ring for one producer and one consumer over memory it is given.
//
// Protocol
//
//   tail   changed only by the producer: bytes ever published
//   head   changed only by the consumer: bytes ever given back
//   data   [head, tail) belongs to the consumer, the rest to the producer; positions are taken
//          modulo its size
//
// The counters never wrap in practice (2^64). Invariant: head <= tail <= head + size; both are
// multiples of 8.
//
// A frame is a prefix of 8 bytes (low half: content bytes; high half: kFrame or kWrap) and its
// content, padded to 8 and never split. What does not fit before the end of data is preceded by a
// kWrap prefix: skip to the start. A kWrap and its frame are published together, so a consumer
// never finds a kWrap alone, nor two in a row.
//
// Frames may be staged, several of them before one store of tail: each such store waits for lines that the consumer has.
//
// [publish] producer's seq_cst store of tail -> consumer's acquire load: the content is visible
//           before its count
// [release] consumer's release store of head -> producer's acquire load: nobody overwrites what is
//           still being read
//
// Each side keeps the last peer position it saw and looks again only when that is not enough, so
// that the peer's cache line is not fetched per frame. Neither side trusts the other: any position
// or prefix is checked before it is used, and a violation is final.
//
// Ownership: neither side owns the memory.
// Threads:   one producer, one consumer.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "ipc/atomic.hpp"
#include "ipc/owner_cell.hpp"
#include "ipc/prefetch.hpp"
#include "support/fault_point.hpp"

namespace bulkhead::ipc {

namespace ring {

enum class FrameKind : std::uint32_t { kFrame = 0x46, kWrap = 0x57 };
inline constexpr std::uint64_t kPrefixBytes = 8;
inline constexpr std::uint64_t kMinCapacity = 64;

// The consumer has read the lines that come next, a lap ago: a store of the counter waits until this side owns them again.
// So far ahead of a small frame they are here in time.
inline constexpr std::uint64_t kPrefetchBytes = 256;

constexpr std::uint64_t padded(std::uint64_t bytes) noexcept { return (bytes + 7) & ~std::uint64_t{7}; }
constexpr std::uint64_t prefix(FrameKind kind, std::uint64_t bytes) noexcept {
  return std::uint64_t{static_cast<std::uint32_t>(kind)} << 32 | bytes;
}
// The longest content that an empty ring takes at any position: where the rest up to the end is too
// short for a frame of half the ring, the other half begins at the start.
constexpr std::size_t max_frame_bytes(std::uint64_t capacity) noexcept {
  return static_cast<std::size_t>(capacity / 2 - kPrefixBytes);
}

static_assert(Atomic<std::uint64_t>::is_always_lock_free);

}  // namespace ring

class RingProducer {
 public:
  // `data`: a power of two of at least ring::kMinCapacity bytes, aligned to 8. Both counters are 0.
  RingProducer(Atomic<std::uint64_t>& tail, const Atomic<std::uint64_t>& head, std::span<std::byte> data) noexcept
      : tail_(&tail), head_(&head), data_(data.data()), capacity_(data.size()) {}

  // Contiguous room for one frame of 1 to max_frame_bytes() bytes; empty: no room now (or
  // peer_is_corrupt()). A second reservation replaces the first.
  [[nodiscard]] std::span<std::byte> try_reserve(std::size_t bytes) noexcept {
    if (bytes == 0 || bytes > max_frame_bytes()) return {};
    const std::uint64_t frame = ring::kPrefixBytes + ring::padded(bytes);
    const std::uint64_t to_end = capacity_ - (position_ & (capacity_ - 1));
    const std::uint64_t skipped = to_end >= frame ? 0 : to_end;
    if (position_ + skipped + frame - seen_head_ > capacity_ && !find_room(skipped + frame)) return {};
    reserved_ = position_ + skipped;
    return {data_ + (reserved_ & (capacity_ - 1)) + ring::kPrefixBytes, bytes};
  }

  // Makes the first `bytes` of the reservation a frame, for flush() to hand over with all those before it. Requires:
  // 1 <= bytes <= reserved.
  void stage(std::size_t bytes) noexcept {
    BULKHEAD_FAULT_POINT("ring.fill");
    if (reserved_ != position_) write_prefix(position_, ring::prefix(ring::FrameKind::kWrap, 0));
    write_prefix(reserved_, ring::prefix(ring::FrameKind::kFrame, bytes));
    position_ = reserved_ + ring::kPrefixBytes + ring::padded(bytes);
    prefetch_to_write(data_ + ((position_ + ring::kPrefetchBytes) & (capacity_ - 1)));
    prefetch_to_write(data_ + ((position_ + ring::kPrefetchBytes + 64) & (capacity_ - 1)));
  }

  // Hands the consumer every frame that was staged. Nothing was: costs nothing.
  void flush() noexcept {
    if (flushed_ == position_) return;
    flushed_ = position_;
    BULKHEAD_FAULT_POINT("ring.publish");
    // [publish] seq_cst, not release: the caller looks at the consumer's park word next, and with a
    // weaker store that look could be done first ([park] in parking.hpp: a lost wake-up).
    tail_->store(position_, std::memory_order_seq_cst);
    BULKHEAD_FAULT_POINT("ring.published");
  }

  // Both: hands it over now.
  void publish(std::size_t bytes) noexcept {
    stage(bytes);
    flush();
  }

  // Bytes ever staged, with padding.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  [[nodiscard]] std::uint64_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t max_frame_bytes() const noexcept { return ring::max_frame_bytes(capacity_); }
  // Offset of the reserved or last staged content in `data`.
  [[nodiscard]] std::uint64_t content_offset() const noexcept {
    return (reserved_ & (capacity_ - 1)) + ring::kPrefixBytes;
  }

  // At least `bytes` are staged and not given back. Looks at the peer's counter only when its
  // own copy says so.
  [[nodiscard]] bool holds_at_least(std::uint64_t bytes) noexcept {
    if (position_ - seen_head_ < bytes) return false;
    (void)look_at_head();
    return position_ - seen_head_ >= bytes;
  }

  // The consumer's counter was impossible once. Final.
  [[nodiscard]] bool peer_is_corrupt() const noexcept { return corrupt_; }

 private:
  bool look_at_head() noexcept {
    // [release] Without acquire our next content could overtake the consumer's last reads.
    const std::uint64_t head = head_->load(std::memory_order_acquire);
    if (head < seen_head_ || head > position_ || (head & 7) != 0) corrupt_ = true;
    if (corrupt_) return false;
    seen_head_ = head;
    return true;
  }
  bool find_room(std::uint64_t bytes) noexcept { return look_at_head() && position_ + bytes - seen_head_ <= capacity_; }
  void write_prefix(std::uint64_t position, std::uint64_t prefix) noexcept {
    // Aligned, so one plain store; [publish] makes it visible.
    *reinterpret_cast<std::uint64_t*>(data_ + (position & (capacity_ - 1))) = prefix;
  }

  // Fixed after construction.
  Atomic<std::uint64_t>* tail_;
  const Atomic<std::uint64_t>* head_;
  std::byte* data_;
  std::uint64_t capacity_;
  // The producer's own.
  std::uint64_t position_ = 0;
  std::uint64_t flushed_ = 0;
  std::uint64_t reserved_ = 0;
  std::uint64_t seen_head_ = 0;
  bool corrupt_ = false;
};

class RingConsumer {
 public:
  enum class Take : std::uint8_t { kFrame, kEmpty, kCorrupt };

  // As RingProducer's.
  RingConsumer(Atomic<std::uint64_t>& head, const Atomic<std::uint64_t>& tail, std::span<const std::byte> data) noexcept
      : head_(&head), tail_(&tail), data_(data.data()), capacity_(data.size()) {}

  // Something is there that peek() has not passed: a frame, or corruption. Callable by any thread.
  [[nodiscard]] bool has_frames() const noexcept {
    // seq_cst: this is the second look of a side that has just announced that it parks ([park] in
    // parking.hpp).
    return tail_->load(std::memory_order_seq_cst) != position_.load();
  }

  // The oldest frame not popped. The bytes stay where the producer could still change them: copy,
  // then check. kCorrupt is final.
  [[nodiscard]] Take peek(std::span<const std::byte>& frame) noexcept {
    if (corrupt_) return Take::kCorrupt;
    std::uint64_t position = position_.load();
    if (position == seen_tail_) {
      // [publish] Without acquire we could see the count before the content.
      const std::uint64_t tail = tail_->load(std::memory_order_acquire);
      if (tail == position) return Take::kEmpty;
      if (tail - position > capacity_ || (tail & 7) != 0) return refuse();
      seen_tail_ = tail;
    }
    std::uint64_t prefix = read_prefix(position);
    if (prefix == ring::prefix(ring::FrameKind::kWrap, 0)) {
      const std::uint64_t to_end = capacity_ - (position & (capacity_ - 1));
      // A wrap at the start would skip nothing useful, and one without its frame is never
      // published.
      if (to_end == capacity_ || seen_tail_ - position <= to_end) return refuse();
      position += to_end;
      prefix = read_prefix(position);
    }
    const std::uint64_t bytes = prefix & 0xffffffffU;
    if (prefix >> 32 != static_cast<std::uint32_t>(ring::FrameKind::kFrame) || bytes == 0) return refuse();
    const std::uint64_t offset = position & (capacity_ - 1);
    const std::uint64_t whole = ring::kPrefixBytes + ring::padded(bytes);
    if (whole > seen_tail_ - position || whole > capacity_ - offset) return refuse();
    BULKHEAD_FAULT_POINT("ring.take");
    after_ = position + whole;
    frame = {data_ + offset + ring::kPrefixBytes, static_cast<std::size_t>(bytes)};
    return Take::kFrame;
  }

  // Passes the frame last peeked. Its bytes stay valid until release(). Requires: a kFrame before
  // it.
  void pop() noexcept { position_.store(after_); }

  // Gives everything popped back to the producer.
  void release() noexcept {
    BULKHEAD_FAULT_POINT("ring.release");
    // [release] Without release the producer could overwrite what we are still reading.
    head_->store(position_.load(), std::memory_order_release);
    BULKHEAD_FAULT_POINT("ring.released");
  }

  // Bytes passed, with padding.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_.load(); }

 private:
  Take refuse() noexcept {
    corrupt_ = true;
    return Take::kCorrupt;
  }
  [[nodiscard]] std::uint64_t read_prefix(std::uint64_t position) const noexcept {
    // volatile: read once. The compiler may not fetch it again after the check, when the peer may
    // have changed it.
    return *reinterpret_cast<const volatile std::uint64_t*>(data_ + (position & (capacity_ - 1)));
  }

  // Fixed after construction.
  Atomic<std::uint64_t>* head_;
  const Atomic<std::uint64_t>* tail_;
  const std::byte* data_;
  std::uint64_t capacity_;
  // The consumer's own; others glance at position_.
  OwnerCell<std::uint64_t> position_;
  std::uint64_t after_ = 0;
  std::uint64_t seen_tail_ = 0;
  bool corrupt_ = false;
};

}  // namespace bulkhead::ipc
