// The results of a map, one after the other and lazily: multiprocessing's IMapIterator and IMapUnorderedIterator.
#pragma once

#include <bulkhead/detail/binding.hpp>
#include <bulkhead/detail/chunk_stream.hpp>
#include <bulkhead/detail/lazy_range.hpp>
#include <bulkhead/outcome.hpp>

#include <chrono>
#include <utility>

namespace bulkhead {

namespace detail {

// The items of a stream, as results or as outcomes.
template <class R>
struct ResultSource {
  using Item = R;
  ChunkStream stream;
  bool wait(std::chrono::steady_clock::time_point until) { return stream.wait(until); }
  R take() {
    const auto item = stream.take();
    return decode_item<R>(*item.chunk, item.place);
  }
};
template <class R>
struct OutcomeSource {
  using Item = Outcome<R>;
  ChunkStream stream;
  bool wait(std::chrono::steady_clock::time_point until) { return stream.wait(until); }
  Outcome<R> take() {
    const auto item = stream.take();
    return Outcome<R>::of(item.index, [&] { return decode_item<R>(*item.chunk, item.place); });
  }
};

}  // namespace detail

//   const std::vector<double> xs{1, -1, 9};
//   for (const auto& outcome : pool.imap<double>("math.sqrt", xs).outcomes()) {
//     if (!outcome) std::cerr << "item " << outcome.index() << ": " << outcome.error().what() << "\n";
//   }
//
// A range of Outcome<R> that survives the errors of items: they are told, not thrown. What the input range itself threw
// is thrown, once, at the end. Otherwise as Imap.
template <class R>
class [[nodiscard]] ImapOutcomes : public detail::LazyRange<detail::OutcomeSource<R>> {
 public:
  // For Imap.
  ImapOutcomes() = default;
  // For Imap.
  explicit ImapOutcomes(detail::ChunkStream stream)
      : detail::LazyRange<detail::OutcomeSource<R>>(detail::OutcomeSource<R>{std::move(stream)}) {}
};

//   auto squares = pool.imap<std::int64_t>("math.square", std::views::iota(1));
//   const std::optional<std::int64_t> first = squares.next(1s);
//   for (const auto square : squares | std::views::take(3)) std::cout << square << "\n";
//
// A single-pass, move-only range of results, in the order of the input (imap) or as they come (imap_unordered).
//
// The input is read only a bounded window ahead of what was taken, so it may be endless. A result is fetched when it is
// looked at (`*`, `==`, next()), not before: `take(10)` needs no eleventh. The error of an item is thrown when its turn
// comes; the next item is still there afterwards. An exception of the input range's own is thrown after the results
// of what was read before it, less those of a chunk it was only beginning. So multiprocessing.
//
// next() gives the next result, waiting for it, and nothing at the end; next(limit) throws TimeoutError when it is not
// there in time, and can be called again.
//
// Ownership: keeps its part of the pool alive. Dropping it cancels what was read ahead and has not begun.
// Threads:   one at a time.
template <class R>
class [[nodiscard]] Imap : public detail::LazyRange<detail::ResultSource<R>> {
  using Range = detail::LazyRange<detail::ResultSource<R>>;

 public:
  // For Pool.
  explicit Imap(detail::ChunkStream stream) : Range(detail::ResultSource<R>{std::move(stream)}) {}

  // The same items, from the one whose turn it is on, as outcomes. This object is at its end then.
  ImapOutcomes<R> outcomes() {
    bool is_fetched = false;
    auto source = this->release(is_fetched);
    if (!source) return ImapOutcomes<R>();
    if (is_fetched) source->stream.put_back();
    return ImapOutcomes<R>(std::move(source->stream));
  }
};

// Of a task whose results are nothing, or of no interest: only outcomes.
//
//   for (const auto& outcome : pool.imap<void>("img.convert", std::vector<std::string>{"a", "b"}).outcomes()) {
//     if (!outcome) std::cerr << outcome.error().what() << "\n";
//   }
template <>
class [[nodiscard]] Imap<void> {
 public:
  // For Pool.
  explicit Imap(detail::ChunkStream stream) : stream_(std::move(stream)) {}

  // All of them. This object is at its end then.
  ImapOutcomes<void> outcomes() { return ImapOutcomes<void>(std::move(stream_)); }

 private:
  detail::ChunkStream stream_;
};

}  // namespace bulkhead
