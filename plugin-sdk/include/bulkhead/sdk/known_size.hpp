// How many bytes a value will take when it is encoded, as far as lengths tell: room for them is better had at once than in
// pieces that are copied into larger ones.
//
// Never more than it takes. Runs no code of users: what their types take is not counted. Nor is what lies in nodes (lists,
// sets, maps) beyond the least it can be: a look at each would take as long as writing it.
#pragma once

#include <bulkhead/sdk/standard_types.hpp>

#include <cstddef>
#include <iterator>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>

namespace bulkhead::sdk {

// Its size is not the same for all values of the type, and can be told from lengths.
template <class T>
constexpr bool has_length() {
  if constexpr (StringText<T> || std::is_same_v<T, std::filesystem::path> || is_sequence<T> || is_set<T> || is_map<T>) {
    return true;
  } else if constexpr (is_optional<T> || is_array<T>) {
    return has_length<typename T::value_type>();
  } else if constexpr (is_tuple<T>) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (false || ... || has_length<std::remove_cvref_t<std::tuple_element_t<I, T>>>());
    }
    (std::make_index_sequence<std::tuple_size_v<T>>{});
  } else {
    return false;
  }
}

// Without a look at each element of a container.
template <class T>
[[nodiscard]] std::size_t known_size_at_once(const T& v) {
  if constexpr (StringText<T>) {
    return 8 + v.size();
  } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
    return 8 + v.native().size();
  } else if constexpr (is_sequence<T> || is_set<T> || is_map<T>) {
    return 8 + v.size() * least_size<std::remove_cvref_t<decltype(*std::begin(v))>>();
  } else if constexpr (is_tuple<T>) {
    return std::apply([](const auto&... each) { return (std::size_t{0} + ... + known_size_at_once(each)); }, v);
  } else {
    return least_size<T>();
  }
}

// A container whose elements are worth a look before they are written.
template <class T>
constexpr bool has_elements_with_length() {
  if constexpr (is_sequence<T> && std::ranges::random_access_range<const T>) {
    return has_length<std::remove_cv_t<typename T::value_type>>();
  } else {
    return false;
  }
}

template <class T>
[[nodiscard]] std::size_t known_size(const T& v);

template <class Range>
[[nodiscard]] std::size_t known_size_of_elements(const Range& range) {
  std::size_t bytes = 0;
  for (const auto& element : range) bytes += known_size(element);
  return bytes;
}

// With a look at each element that has a length of its own.
template <class T>
[[nodiscard]] std::size_t known_size(const T& v) {
  if constexpr (!has_length<T>()) {
    return least_size<T>();
  } else if constexpr (is_array<T>) {
    return known_size_of_elements(v);
  } else if constexpr (is_optional<T>) {
    return 1 + (v ? known_size(*v) : 0);
  } else if constexpr (is_tuple<T>) {
    return std::apply([](const auto&... each) { return (std::size_t{0} + ... + known_size(each)); }, v);
  } else if constexpr (has_elements_with_length<T>()) {
    return 8 + known_size_of_elements(v);
  } else {
    return known_size_at_once(v);
  }
}

}  // namespace bulkhead::sdk
