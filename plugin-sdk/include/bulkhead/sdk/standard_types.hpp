// Which standard type is what on the wire: one classification, used by signatures, archives and
// shapes alike.
//
// Everything here is compile time.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace bulkhead {

// Specialised by BULKHEAD_TYPE: `value` is the type's name in signatures.
template <class T>
struct type_name {};

// In shared_array.hpp.
template <class T>
class SharedArray;

}  // namespace bulkhead

namespace bulkhead::sdk {

template <class>
inline constexpr bool always_false = false;

// A type that BULKHEAD_TYPE has named.
template <class T>
concept Named = requires {
  type_name<T>::value.view();
};

// --- families of standard templates -------------------------------------------------------------

template <class T>
inline constexpr bool is_sequence = false;
template <class T, class A>
inline constexpr bool is_sequence<std::vector<T, A>> = true;
template <class T, class A>
inline constexpr bool is_sequence<std::deque<T, A>> = true;
template <class T, class A>
inline constexpr bool is_sequence<std::list<T, A>> = true;
template <class T>
inline constexpr bool is_sequence<std::span<T>> = true;

template <class T>
inline constexpr bool is_set = false;
template <class T, class C, class A>
inline constexpr bool is_set<std::set<T, C, A>> = true;
template <class T, class H, class E, class A>
inline constexpr bool is_set<std::unordered_set<T, H, E, A>> = true;

template <class T>
inline constexpr bool is_map = false;
template <class K, class V, class C, class A>
inline constexpr bool is_map<std::map<K, V, C, A>> = true;
template <class K, class V, class H, class E, class A>
inline constexpr bool is_map<std::unordered_map<K, V, H, E, A>> = true;

template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T>
inline constexpr bool is_unique_ptr = false;
template <class T>
inline constexpr bool is_unique_ptr<std::unique_ptr<T>> = true;

template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;
template <class A, class B>
inline constexpr bool is_tuple<std::pair<A, B>> = true;

template <class T>
inline constexpr bool is_variant = false;
template <class... T>
inline constexpr bool is_variant<std::variant<T...>> = true;

template <class T>
inline constexpr bool is_duration = false;
template <class R, class P>
inline constexpr bool is_duration<std::chrono::duration<R, P>> = true;

template <class T>
inline constexpr bool is_shared_pointer = false;
template <class T>
inline constexpr bool is_shared_pointer<std::shared_ptr<T>> = true;
template <class T>
inline constexpr bool is_shared_pointer<std::weak_ptr<T>> = true;

template <class T>
inline constexpr bool is_shared_array = false;
template <class T>
inline constexpr bool is_shared_array<SharedArray<T>> = true;

template <class T>
inline constexpr bool is_wide_char = std::is_same_v<T, wchar_t> || std::is_same_v<T, char8_t> ||
                                     std::is_same_v<T, char16_t> || std::is_same_v<T, char32_t>;

// Numbers whose bytes in memory are their bytes on the wire. bool is not one: only 0 and 1 are
// values of it.
template <class T>
inline constexpr bool is_plain_number = std::is_same_v<T, std::byte> ||
                                        (std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && !is_wide_char<T> &&
                                         sizeof(T) <= 8);

// What several processes may have in memory at the same time.
template <class T>
inline constexpr bool is_shareable = is_plain_number<T> ||
                                     (Named<T> && std::is_class_v<T> && std::is_trivially_copyable_v<T>);
template <class T, std::size_t N>
inline constexpr bool is_shareable<std::array<T, N>> = is_shareable<T>;

// An element of which a sequence is called `bytes`.
template <class T>
inline constexpr bool is_byte =
    std::is_same_v<T, std::byte> || std::is_same_v<T, std::uint8_t> || std::is_same_v<T, char>;

template <class T>
concept Bytes = is_sequence<T> && is_byte<std::remove_cv_t<typename T::value_type>>;

template <class T>
concept StringText = std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>;

template <class T>
concept Standard =
    std::is_arithmetic_v<T> || std::is_enum_v<T> || StringText<T> || std::is_same_v<T, std::filesystem::path> ||
    std::is_same_v<T, std::monostate> || is_sequence<T> || is_set<T> || is_map<T> || is_array<T> || is_optional<T> ||
    is_unique_ptr<T> || is_tuple<T> || is_variant<T> || is_duration<T> || is_shared_array<T>;

// --- what a parameter, an argument or a result is stored and encoded as
// ---------------------------

template <class T>
struct stored {
  using type = T;
};
template <>
struct stored<std::string_view> {
  using type = std::string;
};
template <>
struct stored<const char*> {
  using type = std::string;
};
template <>
struct stored<char*> {
  using type = std::string;
};
template <class T>
struct stored<std::span<T>> {
  using type = std::vector<std::remove_cv_t<T>>;
};

// The owning type behind T: string for string_view and char*, vector for span, else T without
// reference and const.
template <class T>
using stored_t = typename stored<std::decay_t<T>>::type;

// --- the least number of bytes an encoded T takes
// --------------------------------------------------

template <class T>
constexpr std::size_t least_size();

template <class... T>
constexpr std::size_t least_size_of_all(std::type_identity<std::tuple<T...>>) {
  return (std::size_t{0} + ... + least_size<T>());
}
template <class A, class B>
constexpr std::size_t least_size_of_all(std::type_identity<std::pair<A, B>>) {
  return least_size<A>() + least_size<B>();
}
template <class... T>
constexpr std::size_t least_size_of_any(std::type_identity<std::variant<T...>>) {
  std::size_t least = static_cast<std::size_t>(-1);
  ((least = least_size<T>() < least ? least_size<T>() : least), ...);
  return least;
}

// 0 for user types: what their `serialize` visits may depend on their values.
template <class T>
constexpr std::size_t least_size() {
  if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T>) {
    return sizeof(T);
  } else if constexpr (StringText<T> || std::is_same_v<T, std::filesystem::path> || is_sequence<T> || is_set<T> ||
                       is_map<T> || is_duration<T>) {
    return 8;
  } else if constexpr (is_shared_array<T>) {
    return 24;
  } else if constexpr (is_optional<T> || is_unique_ptr<T>) {
    return 1;
  } else if constexpr (is_array<T>) {
    return std::tuple_size_v<T> * least_size<typename T::value_type>();
  } else if constexpr (is_tuple<T>) {
    return least_size_of_all(std::type_identity<T>{});
  } else if constexpr (is_variant<T>) {
    return 4 + least_size_of_any(std::type_identity<T>{});
  } else {
    return 0;
  }
}

}  // namespace bulkhead::sdk
