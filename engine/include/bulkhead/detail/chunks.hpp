// Cuts a range into chunks of encoded items.
#pragma once

#include <bulkhead/detail/argument_sink.hpp>
#include <bulkhead/detail/binding.hpp>
#include <bulkhead/detail/chunk_stream.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace bulkhead::detail {

// Items of one task, one behind the other as a chunk carries them.
class ChunkBuffer {
 public:
  explicit ChunkBuffer(const TaskInfo& task) : task_(&task), stride_(task.fixed_argument_bytes) {}

  // Forgets its items; what is added from now on is for this backend.
  void begin(Backend& backend) {
    items_.begin(backend);
    arrays_.reset();
    count_ = 0;
  }
  // Appends one item, which `encode` writes to the sink it is given. When that throws the chunk is not to be submitted.
  template <class Encode>
  void add(Encode encode) {
    if (stride_ != 0) {
      encode(items_);
    } else {
      const std::uint32_t size = 0;  // until it is known
      items_.put(&size, sizeof size);
      const std::size_t from = items_.bytes().size();
      encode(items_);
      put_size_before(from);
    }
    ++count_;
  }

  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] Submission submission(std::uint64_t first_index, const Terms& terms) {
    if (!arrays_) arrays_ = items_.take_held();
    return {.task = task_,
            .count = count_,
            .stride = stride_,
            .bytes = items_.bytes(),
            .first_index = first_index,
            .terms = terms.are_plain() ? nullptr : &terms,
            .arrays = arrays_,
            .lent = items_.lent()};
  }

 private:
  // Of the last item, which lies there. Throws PayloadError above 4 GiB.
  void put_size_before(std::size_t from);

  const TaskInfo* task_;
  std::uint32_t stride_;
  std::uint32_t count_ = 0;
  ArgumentSink items_;
  std::shared_ptr<sdk::SharedRefs> arrays_;  // that the items name, once they were asked for
};

// What the caller said, or multiprocessing's default: a quarter of an even share for each worker, rounded up.
// Throws UsageError for less than one.
[[nodiscard]] std::uint32_t chunk_items(std::optional<int> asked, std::size_t items, std::size_t workers);
// The same where the number of items is not known, as in imap: 1.
[[nodiscard]] std::uint32_t chunk_items(std::optional<int> asked);

// Arguments of a chunk whose size nobody asked for, where each item has the same size: more would neither save calls worth
// speaking of nor fit a processor's cache, and the last chunks would take longer.
inline constexpr std::size_t kAutomaticChunkBytes = 64 * 1024;

// How one element of the range becomes the arguments of a call: itself, or the parts of a tuple.
enum class Spread : bool { kOneArgument, kTuple };

// `find` makes a Binding, given a std::type_identity of each argument.
template <Spread kSpread, class Element, class Find>
[[nodiscard]] Binding bind_element(Find find) {
  if constexpr (kSpread == Spread::kOneArgument) {
    return find(std::type_identity<Element>{});
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return find(std::type_identity<std::remove_cvref_t<std::tuple_element_t<I, Element>>>{}...);
    }
    (std::make_index_sequence<std::tuple_size_v<Element>>{});
  }
}
template <class R, Spread kSpread, class Element>
[[nodiscard]] Binding bind_element(Backend& backend, std::string_view name) {
  return bind_element<kSpread, Element>(
      [&]<class... A>(std::type_identity<A>...) { return find_and_bind<R, A...>(backend, name); });
}
template <class R, Spread kSpread, class Element>
[[nodiscard]] Binding bind_element(const TaskInfo& task) {
  return bind_element<kSpread, Element>([&]<class... A>(std::type_identity<A>...) { return bind<R, A...>(task); });
}

template <Spread kSpread, class Element>
void encode_element(sdk::ByteSink& sink, const Binding& binding, const Element& element) {
  if constexpr (kSpread == Spread::kOneArgument) {
    encode_arguments(sink, binding, element);
  } else {
    std::apply([&](const auto&... part) { encode_arguments(sink, binding, part...); }, element);
  }
}

template <class Range>
using element_t = std::remove_cvref_t<std::ranges::range_reference_t<Range>>;

// The chunk's size, where it can be known before the range is read.
template <class Range>
[[nodiscard]] std::optional<std::uint32_t> known_chunk_items(Range& range, std::optional<int> asked,
                                                             std::size_t workers, std::uint32_t item_bytes) {
  if (asked) return chunk_items(asked);
  if constexpr (std::ranges::sized_range<Range>) {
    const auto items = chunk_items(asked, static_cast<std::size_t>(std::ranges::size(range)), workers);
    if (item_bytes == 0) return items;
    return std::min(items, std::max(1u, static_cast<std::uint32_t>(kAutomaticChunkBytes) / item_bytes));
  }
  return std::nullopt;
}

// Elements that lie in memory as they travel: numbers of the type that the task declares.
template <class Range>
inline constexpr bool are_numbers_in_memory =
    std::ranges::contiguous_range<Range>&& std::ranges::sized_range<Range>&& sdk::is_plain_number<element_t<Range>>;

// Submits such elements where they lie.
template <class Range>
void feed_in_place(Backend& backend, Completion& map, const TaskInfo& task, Range& range, std::uint32_t chunk,
                   const Terms& terms) {
  const std::span elements(std::ranges::data(range), static_cast<std::size_t>(std::ranges::size(range)));
  for (std::size_t first = 0; first < elements.size(); first += chunk) {
    const auto part = elements.subspan(first, std::min<std::size_t>(chunk, elements.size() - first));
    backend.add_chunk(map, {.task = &task,
                            .count = static_cast<std::uint32_t>(part.size()),
                            .stride = sizeof(element_t<Range>),
                            .bytes = std::as_bytes(part),
                            .first_index = first,
                            .terms = terms.are_plain() ? nullptr : &terms});
  }
}

// Feeds a whole range to a map that was begun. An exception of the range's own, or of the encoding, gives the map up.
template <class R, Spread kSpread, class Range>
void feed_map(Backend& backend, Completion& map, const Binding& binding, Range&& range, std::optional<int> chunk_size,
              const Terms& terms) {
  using Element = element_t<Range>;
  std::uint64_t index = 0;
  ChunkBuffer buffer(*binding.task);
  buffer.begin(backend);
  const auto add = [&](const Element& element) {
    buffer.add([&](sdk::ByteSink& sink) { encode_element<kSpread>(sink, binding, element); });
  };
  const auto flush = [&] {
    if (buffer.count() == 0) return;
    backend.add_chunk(map, buffer.submission(index, terms));
    index += buffer.count();
    buffer.begin(backend);
  };
  try {
    if (chunk_size) (void)chunk_items(chunk_size);
    if (terms.needs_own_record() || backend.items_travel_alone()) chunk_size = 1;
    if (const auto items =
            known_chunk_items(range, chunk_size, backend.worker_count(), binding.task->fixed_argument_bytes)) {
      if constexpr (kSpread == Spread::kOneArgument && are_numbers_in_memory<Range>) {
        if (binding.is_exact) {
          feed_in_place(backend, map, *binding.task, range, *items, terms);
          backend.seal_map(map);
          return;
        }
      }
      for (auto&& element : range) {
        add(element);
        if (buffer.count() == *items) flush();
      }
    } else {
      // The number of elements decides the chunk's, so they are all encoded first (multiprocessing makes a list).
      struct Item {
        std::size_t end;
        std::shared_ptr<sdk::SharedRefs> arrays;
      };
      sdk::BufferSink encoded;
      std::vector<Item> items_of_range;
      for (auto&& element : range) {
        encode_element<kSpread>(encoded, binding, static_cast<const Element&>(element));
        items_of_range.push_back({encoded.bytes().size(), encoded.take_held()});
      }
      const std::uint32_t chunk = chunk_items(std::nullopt, items_of_range.size(), backend.worker_count());
      std::size_t from = 0;
      for (const Item& item : items_of_range) {
        const auto bytes = encoded.bytes().subspan(from, item.end - from);
        buffer.add([&](sdk::ByteSink& sink) {
          sink.put(bytes.data(), bytes.size());
          if (item.arrays) {
            for (const auto& ref : *item.arrays) sink.hold(ref);
          }
        });
        from = item.end;
        if (buffer.count() == chunk) flush();
      }
    }
    flush();
  } catch (...) {
    backend.abandon_map(map);
    throw;
  }
  backend.seal_map(map);
}

// The chunks of a range, one at a time, for imap and imap_unordered.
template <Spread kSpread, class View>
class ViewChunks final : public ChunkSource {
 public:
  using Element = element_t<View>;

  ViewChunks(const Binding& binding, View view, std::optional<int> chunk_size, Terms terms)
      : binding_(binding),
        terms_(std::move(terms)),
        view_(std::move(view)),
        buffer_(*binding.task),
        chunk_(chunk_items(chunk_size)) {
    if (terms_.needs_own_record()) chunk_ = 1;
  }

  Chunk submit(Backend& backend) override {
    if (backend.items_travel_alone()) chunk_ = 1;
    if (!is_filled_) fill(backend);
    if (buffer_.count() == 0) return {};
    const Submission submission = buffer_.submission(index_, terms_);
    Chunk chunk{.completion = backend.submit(submission, {}), .first_index = index_};
    index_ += submission.count;
    is_filled_ = false;
    return chunk;
  }

 private:
  void fill(Backend& backend) {
    buffer_.begin(backend);
    try {
      while (buffer_.count() < chunk_ && advance()) {
        buffer_.add([&](sdk::ByteSink& sink) {
          encode_element<kSpread>(sink, binding_, static_cast<const Element&>(**position_));
        });
      }
    } catch (...) {
      is_at_end_ = true;  // a range that threw is not asked again; multiprocessing drops its begun chunk too
      throw;
    }
    is_filled_ = true;
  }

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

  Binding binding_;
  Terms terms_;
  View view_;
  std::optional<std::ranges::iterator_t<View>> position_;
  bool is_at_end_ = false;
  ChunkBuffer buffer_;
  bool is_filled_ = false;  // with a chunk that was not submitted yet
  std::uint32_t chunk_;
  std::uint64_t index_ = 0;
};

}  // namespace bulkhead::detail
