// Where encoded bytes go: a cursor into memory that somebody else may extend.
//
// Ownership: a sink owns or borrows its memory as its class says.
// Threads:   one at a time.
// A sink that cannot make room throws EncodeError.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include <bulkhead/sdk/errors.hpp>
#include <bulkhead/sdk/shared_place.hpp>

namespace bulkhead::sdk {

class ByteSink {
 public:
  ByteSink(const ByteSink&) = delete;
  ByteSink& operator=(const ByteSink&) = delete;

  // Appends `size` bytes. Throws EncodeError when there is no room for them.
  void put(const void* data, std::size_t size) {
    if (size == 0) return;
    if (size > static_cast<std::size_t>(end_ - cursor_)) grow(size);
    std::memcpy(cursor_, data, size);
    cursor_ += size;
  }

  // At least so many bytes will be put: room for them is better had at once. Throws EncodeError when there is none.
  void expect(std::size_t size) {
    if (size > static_cast<std::size_t>(end_ - cursor_)) grow(size);
  }

  // Keeps the memory that the next bytes name, for whoever sends them. Throws EncodeError where it could not go with them.
  virtual void hold(const SharedRef&) {
    throw EncodeError("shared arrays can only be arguments and results of a task");
  }

  // How many bytes were put in all.
  [[nodiscard]] std::size_t written() const { return written_before_ + static_cast<std::size_t>(cursor_ - begin_); }

 protected:
  ByteSink() = default;
  ~ByteSink() = default;

  // Leaves at least `size` bytes between cursor_ and end_, or throws EncodeError.
  virtual void grow(std::size_t size) = 0;

  std::byte* begin_ = nullptr;
  std::byte* cursor_ = nullptr;
  std::byte* end_ = nullptr;
  // Bytes put before begin_ moved to where it is now.
  std::size_t written_before_ = 0;
};

// Bytes in memory of its own, which grows. Made to be reused: clear() keeps the memory.
class BufferSink final : public ByteSink {
 public:
  // Everything put since the last clear(). Valid until the next put() or clear().
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {begin_, static_cast<std::size_t>(cursor_ - begin_)};
  }
  // Forgets the bytes, keeps the memory unless it is very much.
  void clear() {
    cursor_ = begin_;
    held_.reset();
    if (capacity() > kMostKept) {
      memory_.reset();
      begin_ = cursor_ = end_ = nullptr;
    }
  }
  void hold(const SharedRef& ref) override {
    if (!held_) held_ = std::make_shared<SharedRefs>();
    held_->push_back(ref);
  }
  // The shared memory that the bytes name; null: none. It is no more this sink's.
  [[nodiscard]] std::shared_ptr<SharedRefs> take_held() { return std::move(held_); }
  // How much fits before the next allocation.
  [[nodiscard]] std::size_t capacity() const { return static_cast<std::size_t>(end_ - begin_); }

 private:
  static constexpr std::size_t kMostKept = std::size_t{64} << 20;

  void grow(std::size_t size) override {
    const std::size_t used = bytes().size();
    const std::size_t doubled = capacity() < 128 ? 256 : capacity() * 2;
    const std::size_t wanted = doubled - used < size ? used + size : doubled;
    // Not value-initialised: every byte below the cursor is written before it is read.
    auto larger = std::make_unique_for_overwrite<std::byte[]>(wanted);
    if (used != 0) std::memcpy(larger.get(), begin_, used);
    memory_ = std::move(larger);
    begin_ = memory_.get();
    cursor_ = begin_ + used;
    end_ = begin_ + wanted;
  }

  std::unique_ptr<std::byte[]> memory_;
  std::shared_ptr<SharedRefs> held_;
};

// Bytes into memory that is given and does not grow.
class SpanSink final : public ByteSink {
 public:
  explicit SpanSink(std::span<std::byte> memory) {
    begin_ = cursor_ = memory.data();
    end_ = begin_ + memory.size();
  }

 private:
  void grow(std::size_t size) override {
    throw EncodeError("no room for " + std::to_string(size) + " more bytes: " + std::to_string(end_ - cursor_) +
                      " are left of " + std::to_string(end_ - begin_));
  }
};

}  // namespace bulkhead::sdk
