// Where arguments are encoded: in memory of the sink's own, or in that of the backend they are for, once they are many.
//
// A piece that no ring takes goes straight into memory that the backend lends, and what was put before it moves there too.
// Small pieces stay in the sink's own memory, however many they are: what is lent is taken from the machine whole, used or
// not, so it should have the size that is needed. What comes behind a large piece may double it.
//
// Ownership: owns its memory. What was lent goes back when the sink is begun again or goes, unless a backend has kept it.
// Threads:   one at a time.
// Whatever Backend::lend() throws, too; then the sink is as it was before that piece.
#pragma once

#include <bulkhead/detail/backend.hpp>
#include <bulkhead/sdk/byte_sink.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>

namespace bulkhead::detail {

class ArgumentSink final : public sdk::ByteSink {
 public:
  // Forgets what was put; what is put from now on is for this backend, which must live as long as anything is put. Keeps its
  // own memory unless it is very much.
  void begin(Backend& backend) {
    backend_ = &backend;
    lent_.reset();
    held_.reset();
    if (own_bytes_ > kMostKept) drop_own();
    begin_ = cursor_ = own_.get();
    end_ = begin_ + std::min(own_bytes_, backend.lends_above());
  }
  // Everything put since begin(). Valid until the next put(), begin() or give_back().
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {begin_, static_cast<std::size_t>(cursor_ - begin_)};
  }
  // Where they lie, for Submission::lent.
  [[nodiscard]] LentMemory* lent() const { return lent_.get(); }
  // For whoever shares it: false while somebody uses it, until end_use().
  [[nodiscard]] bool try_use() { return !std::exchange(is_used_, true); }
  void end_use() { is_used_ = false; }
  // Gives back what was lent. Requires: nothing is put before the next begin().
  void give_back() { lent_.reset(); }
  // Writes over bytes that were put before. Requires: at + size <= bytes().size().
  void overwrite(std::size_t at, const void* data, std::size_t size) { std::memcpy(begin_ + at, data, size); }

  void hold(const sdk::SharedRef& ref) override {
    if (!held_) held_ = std::make_shared<sdk::SharedRefs>();
    held_->push_back(ref);
  }
  // The shared memory that the bytes name; null: none. It is no more this sink's.
  [[nodiscard]] std::shared_ptr<sdk::SharedRefs> take_held() { return std::move(held_); }

 private:
  static constexpr std::size_t kMostKept = std::size_t{64} << 20;

  void grow(std::size_t size) override;
  [[nodiscard]] bool try_borrow(std::size_t needed);
  void grow_own(std::size_t size);
  void drop_own();

  Backend* backend_ = nullptr;
  bool is_used_ = false;
  std::unique_ptr<std::byte[]> own_;
  std::size_t own_bytes_ = 0;
  std::unique_ptr<LentMemory> lent_;  // not null: the bytes lie there
  std::shared_ptr<sdk::SharedRefs> held_;
};

// This thread's sink, whose memory is kept from call to call, for one submission to this backend. What the backend lent for
// it and has not kept goes back at the end, whatever was thrown. A user's serialize that submits something itself gets
// another one.
class ThreadSink {
 public:
  explicit ThreadSink(Backend& backend) : sink_(of_this_thread().try_use() ? of_this_thread() : nested_.emplace()) {
    sink_.begin(backend);
  }
  ThreadSink(const ThreadSink&) = delete;
  ThreadSink& operator=(const ThreadSink&) = delete;
  ~ThreadSink() {
    sink_.give_back();
    sink_.end_use();
  }

  [[nodiscard]] ArgumentSink& operator*() const { return sink_; }
  [[nodiscard]] ArgumentSink* operator->() const { return &sink_; }

 private:
  [[nodiscard]] static ArgumentSink& of_this_thread();

  std::optional<ArgumentSink> nested_;
  ArgumentSink& sink_;
};

}  // namespace bulkhead::detail
