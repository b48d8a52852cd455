// The results of a map, one after the other and lazily: multiprocessing's IMapIterator.
#pragma once

#include <bulkhead/async_result.hpp>
#include <bulkhead/detail/chunks.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <string_view>
#include <utility>

namespace bulkhead {

// A single-pass, move-only range over results in the order of the input.
//
// The input is read only a bounded window ahead of what was taken, so it may be endless. A result is fetched when it is
// looked at (`*`, `==`, next()), not before: `take(10)` needs no eleventh. The error of an item is thrown when its turn
// comes; the next item is still there afterwards. An exception of the input range's own is thrown after the results
// of what was read before it.
//
// Ownership: keeps its part of the pool alive; items not taken are dropped with it.
// Threads:   one at a time.
template <class R>
class [[nodiscard]] Imap {
 public:
  static_assert(!std::is_void_v<R>, "bulkhead: imap needs results; use map<void> or apply_async<void>");

  Imap(Imap&&) noexcept = default;
  Imap& operator=(Imap&&) noexcept = default;

  // For Pool.
  template <detail::Spread kSpread, class View>
  static Imap over(std::shared_ptr<detail::Backend> backend, std::string_view name, View view,
                   std::optional<int> chunk_size) {
    Imap imap;
    imap.state_->source =
        std::make_unique<ViewSource<kSpread, View>>(*backend, name, std::move(view), detail::chunk_items(chunk_size));
    // Enough that every worker has work while the caller looks at a result, and no more.
    imap.state_->window = 2 * backend->worker_count() + 1;
    imap.state_->backend = std::move(backend);
    return imap;
  }

  // The next result, waiting for it; empty at the end. Throws the item's error.
  std::optional<R> next() {
    if (!fetch(std::chrono::steady_clock::time_point::max())) return std::nullopt;
    state_->is_fetched = false;
    return std::move(state_->current);
  }

  // The same, but throws TimeoutError when it is not there within `limit`; it can be asked for again.
  template <class Rep, class Period>
  std::optional<R> next(std::chrono::duration<Rep, Period> limit) {
    if (!fetch(detail::wait_limit(detail::saturate(limit)))) return std::nullopt;
    state_->is_fetched = false;
    return std::move(state_->current);
  }

  class iterator {
   public:
    using value_type = R;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    iterator() = default;
    explicit iterator(Imap* imap) : imap_(imap) {}
    iterator(iterator&&) = default;
    iterator& operator=(iterator&&) = default;

    R& operator*() const {
      imap_->fetch(std::chrono::steady_clock::time_point::max());
      return *imap_->state_->current;
    }
    iterator& operator++() {
      State& state = *imap_->state_;
      // An item whose error was thrown was passed by that.
      if (!state.is_fetched && !state.has_thrown) imap_->fetch(std::chrono::steady_clock::time_point::max());
      state.is_fetched = state.has_thrown = false;
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const {
      return !imap_->fetch(std::chrono::steady_clock::time_point::max());
    }

   private:
    Imap* imap_ = nullptr;
  };

  iterator begin() { return iterator(this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  // Where items come from: the caller's range, whatever its type.
  class Source {
   public:
    virtual ~Source() = default;
    // Submits the next chunk; empty at the end of the range. Throws what the range throws.
    virtual detail::CompletionRef submit(detail::Backend& backend) = 0;
  };

  template <detail::Spread kSpread, class View>
  class ViewSource final : public Source {
   public:
    using Element = detail::element_t<View>;

    ViewSource(detail::Backend& backend, std::string_view name, View view, std::uint32_t chunk)
        : binding_(detail::bind_element<R, kSpread, Element>(backend, name)),
          view_(std::move(view)),
          buffer_(*binding_.task),
          chunk_(chunk) {}

    detail::CompletionRef submit(detail::Backend& backend) override {
      buffer_.clear();
      try {
        while (buffer_.count() < chunk_ && advance()) {
          buffer_.add([&](sdk::ByteSink& sink) {
            detail::encode_element<kSpread>(sink, binding_, static_cast<const Element&>(**position_));
          });
        }
      } catch (...) {
        is_at_end_ = true;  // a range that threw is not asked again; multiprocessing drops its begun chunk too
        throw;
      }
      if (buffer_.count() == 0) return {};
      const auto submission = buffer_.submission(index_);
      index_ += submission.count;
      return backend.submit(submission, {});
    }

   private:
    bool advance() {
      if (is_at_end_) return false;
      if (!position_) {
        position_.emplace(std::ranges::begin(view_));
      } else {
        ++*position_;
      }
      is_at_end_ = *position_ == std::ranges::end(view_);
      return !is_at_end_;
    }

    detail::Binding binding_;
    View view_;
    std::optional<std::ranges::iterator_t<View>> position_;
    bool is_at_end_ = false;
    detail::ChunkBuffer buffer_;
    std::uint32_t chunk_;
    std::uint64_t index_ = 0;
  };

  Imap() = default;

  void read_ahead() {
    while (!state_->has_read_all && state_->ahead.size() < state_->window) {
      try {
        auto chunk = state_->source->submit(*state_->backend);
        if (chunk) {
          state_->ahead.push_back(std::move(chunk));
        } else {
          state_->has_read_all = true;
        }
      } catch (...) {
        state_->has_read_all = true;
        state_->input_error = std::current_exception();
      }
    }
  }

  // Makes state_->current the item whose turn it is; false at the end.
  bool fetch(std::chrono::steady_clock::time_point until) {
    if (state_->is_fetched) return true;
    state_->has_thrown = false;
    read_ahead();
    if (state_->ahead.empty()) {
      state_->current.reset();
      if (state_->input_error) std::rethrow_exception(std::exchange(state_->input_error, nullptr));
      return false;
    }
    detail::CompletionRef chunk = state_->ahead.front();
    if (!detail::wait_until(*chunk, until)) detail::raise_wait_ended(*chunk);
    const std::size_t item = state_->next_item++;
    if (state_->next_item == detail::item_count(*chunk)) {
      state_->ahead.pop_front();
      state_->next_item = 0;
    }
    state_->has_thrown = true;
    state_->current.emplace(detail::decode_item<R>(*chunk, item));
    state_->has_thrown = false;
    state_->is_fetched = true;
    return true;
  }

  struct State {
    std::shared_ptr<detail::Backend> backend;
    std::unique_ptr<Source> source;
    std::size_t window = 0;
    std::deque<detail::CompletionRef> ahead;  // chunks submitted, oldest first
    std::size_t next_item = 0;                // within the oldest
    bool has_read_all = false;
    std::exception_ptr input_error;
    std::optional<R> current;
    bool is_fetched = false;
    bool has_thrown = false;  // the item whose turn it was

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    // What was read ahead and has not begun never runs.
    ~State() {
      if (backend && backend->is_forked_copy()) return;
      for (const auto& chunk : ahead) (void)detail::cancel(*chunk);
    }
  };
  std::unique_ptr<State> state_ = std::make_unique<State>();
};

}  // namespace bulkhead
