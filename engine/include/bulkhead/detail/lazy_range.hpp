// A single-pass range whose items are fetched when they are looked at, not before.
#pragma once

#include <bulkhead/detail/completion.hpp>

#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

namespace bulkhead::detail {

// What imap, its outcomes and as_completed share. `Source` has
//   using Item;
//   bool wait(time_point until)  there is an item: true; the end: false. Throws TimeoutError, and whatever comes between
//                                items; then wait() can be called again.
//   Item take()                  the item, or throws its error; either way it is passed.
//
// Move-only. One that was moved from is at its end.
// Threads: one at a time.
template <class Source>
class [[nodiscard]] LazyRange {
 public:
  using Item = typename Source::Item;

  explicit LazyRange(Source source) : state_(std::make_unique<State>(std::move(source))) {}
  LazyRange(LazyRange&&) noexcept = default;
  LazyRange& operator=(LazyRange&&) noexcept = default;

  // The next one, waiting for it; empty at the end. Throws its error; the one after it is still there.
  std::optional<Item> next() { return next_until(std::chrono::steady_clock::time_point::max()); }

  // The same, but throws TimeoutError when it is not there within `limit`; it can be asked for again. Throws UsageError
  // for a negative time.
  template <class Rep, class Period>
  std::optional<Item> next(std::chrono::duration<Rep, Period> limit) {
    return next_until(wait_limit(saturate(limit)));
  }

  class iterator {
   public:
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator() = default;
    explicit iterator(LazyRange* range) : range_(range) {}
    iterator(iterator&&) = default;
    iterator& operator=(iterator&&) = default;

    Item& operator*() const {
      range_->fetch(std::chrono::steady_clock::time_point::max());
      return *range_->state_->current;
    }
    iterator& operator++() {
      State& state = *range_->state_;
      // An item whose error was thrown was passed by that.
      if (!state.is_fetched && !state.has_thrown) range_->fetch(std::chrono::steady_clock::time_point::max());
      state.is_fetched = state.has_thrown = false;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const {
      return !range_->fetch(std::chrono::steady_clock::time_point::max());
    }

   private:
    LazyRange* range_ = nullptr;
  };

  iterator begin() { return iterator(this); }
  std::default_sentinel_t end() const { return {}; }

 protected:
  // At its end.
  LazyRange() = default;
  // Gives the source away, when there still is one. `is_fetched`: its last item was looked at, but not passed.
  std::optional<Source> release(bool& is_fetched) {
    if (!state_) return std::nullopt;
    is_fetched = state_->is_fetched;
    std::optional<Source> source(std::move(state_->source));
    state_.reset();
    return source;
  }

 private:
  struct State {
    explicit State(Source its_source) : source(std::move(its_source)) {}
    Source source;
    std::optional<Item> current;
    bool is_fetched = false;  // current is the item whose turn it is
    bool has_thrown = false;  // the item whose turn it was
  };

  // False at the end.
  bool fetch(std::chrono::steady_clock::time_point until) {
    if (!state_) return false;
    if (state_->is_fetched) return true;
    state_->has_thrown = false;
    state_->current.reset();
    if (!state_->source.wait(until)) return false;
    state_->has_thrown = true;
    state_->current.emplace(state_->source.take());
    state_->has_thrown = false;
    state_->is_fetched = true;
    return true;
  }

  std::optional<Item> next_until(std::chrono::steady_clock::time_point until) {
    if (!fetch(until)) return std::nullopt;
    state_->is_fetched = false;
    return std::move(state_->current);
  }

  std::unique_ptr<State> state_;
};

}  // namespace bulkhead::detail
