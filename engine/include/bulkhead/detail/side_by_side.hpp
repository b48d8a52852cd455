// Several ranges as one of tuples, for starmap: Python's zip. (std::views::zip comes with C++23.)
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <ranges>
#include <tuple>
#include <utility>

namespace bulkhead::detail {

// Single-pass: each view is walked once, from its begin(). The shortest ends it. An element is a tuple of what the
// iterators refer to.
template <std::ranges::input_range... Views>
class SideBySide {
 public:
  explicit SideBySide(Views... views) : views_(std::move(views)...) {}

  class iterator {
   public:
    using value_type = std::tuple<std::ranges::range_reference_t<Views>...>;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::input_iterator_tag;

    explicit iterator(std::tuple<Views...>& views)
        : views_(&views),
          at_(std::apply([](Views&... view) { return std::tuple(std::ranges::begin(view)...); }, views)) {}
    iterator(iterator&&) = default;
    iterator& operator=(iterator&&) = default;

    value_type operator*() const {
      return std::apply([](const auto&... at) { return value_type(*at...); }, at_);
    }
    iterator& operator++() {
      std::apply([](auto&... at) { (++at, ...); }, at_);
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return is_any_at_end(std::index_sequence_for<Views...>{}); }

   private:
    template <std::size_t... I>
    [[nodiscard]] bool is_any_at_end(std::index_sequence<I...>) const {
      return (false || ... || (std::get<I>(at_) == std::ranges::end(std::get<I>(*views_))));
    }

    std::tuple<Views...>* views_;
    std::tuple<std::ranges::iterator_t<Views>...> at_;
  };

  iterator begin() { return iterator(views_); }
  std::default_sentinel_t end() { return {}; }
  [[nodiscard]] std::size_t size() requires(std::ranges::sized_range<Views>&&...) {
    return std::apply([](Views&... view) { return std::min({static_cast<std::size_t>(std::ranges::size(view))...}); },
                      views_);
  }

 private:
  std::tuple<Views...> views_;
};

}  // namespace bulkhead::detail
