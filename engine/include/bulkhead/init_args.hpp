// Arguments of a pool's initializer.
//
//   auto pool = engine.pool({.initializer = "db.connect", .initargs = bulkhead::args("localhost", 5432)});
#pragma once

#include <bulkhead/detail/binding.hpp>
#include <bulkhead/options.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace bulkhead {

namespace detail {

template <class T>
inline constexpr bool is_span_v = false;
template <class T, std::size_t N>
inline constexpr bool is_span_v<std::span<T, N>> = true;

// A copy that owns what it needs: the arguments may be encoded when whatever a view looked at is gone.
template <class T>
[[nodiscard]] auto keep(const T& argument) {
  if constexpr (Text<T>) {
    return std::string(std::string_view(argument));
  } else if constexpr (is_span_v<T>) {
    return std::vector<typename T::value_type>(argument.begin(), argument.end());
  } else {
    return argument;
  }
}

}  // namespace detail

// Copies the arguments. Engine::pool() throws SignatureMismatch or ArgumentError when they do not fit the task.
template <class... A>
[[nodiscard]] InitArgs args(const A&... arguments) {
  return InitArgs(
      [kept = std::tuple(detail::keep(arguments)...)](const detail::TaskInfo& task, std::vector<std::byte>& bytes) {
        sdk::BufferSink sink;
        std::apply(
            [&]<class... Kept>(const Kept&... values) {
              detail::encode_arguments(sink, detail::bind<void, Kept...>(task), values...);
            },
            kept);
        if (sink.take_held() != nullptr) detail::raise_shared_initarg(task);
        bytes.assign(sink.bytes().begin(), sink.bytes().end());
      });
}

}  // namespace bulkhead
