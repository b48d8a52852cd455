// The text by which host and plugin compare a task's types: "(i64,list<str>)->optional<Point>".
//
// Everything is compile time but shape_hash(), which runs the user types' `serialize` once.
// A type without a form is a compile error whose text carries the remedy.
#pragma once

#include <bulkhead/sdk/standard_types.hpp>
#include <bulkhead/sdk/text.hpp>

namespace bulkhead::sdk {

// The text of one type, as stored.
template <class T>
constexpr auto type_text();

// The texts of several, with commas between.
template <class... T>
constexpr auto type_texts() {
  if constexpr (sizeof...(T) == 0) {
    return Text<0>{};
  } else {
    constexpr auto with_comma = (Text<0>{} + ... + (type_text<T>() + Text(",")));
    return Text<with_comma.size() - 1>(with_comma.view());
  }
}

template <class... T>
constexpr auto texts_of(std::type_identity<std::tuple<T...>>) {
  return type_texts<T...>();
}
template <class A, class B>
constexpr auto texts_of(std::type_identity<std::pair<A, B>>) {
  return type_texts<A, B>();
}
template <class... T>
constexpr auto texts_of(std::type_identity<std::variant<T...>>) {
  return type_texts<T...>();
}

template <class T>
constexpr auto number_text() {
  if constexpr (std::is_same_v<T, bool>) {
    return Text("bool");
  } else if constexpr (std::is_same_v<T, char>) {
    return Text("char");
  } else if constexpr (std::is_floating_point_v<T>) {
    static_assert(sizeof(T) <= 8, "bulkhead: long double differs between machines; use double");
    return Text("f") + decimal<sizeof(T) * 8>();
  } else {
    static_assert(!is_wide_char<T>, "bulkhead: wide characters have no portable form; use std::string with UTF-8");
    static_assert(sizeof(T) <= 8, "bulkhead: integers have at most 64 bits; use two of them");
    if constexpr (std::is_signed_v<T>) {
      return Text("i") + decimal<sizeof(T) * 8>();
    } else {
      return Text("u") + decimal<sizeof(T) * 8>();
    }
  }
}

template <class Element>
constexpr auto shared_text() {
  if constexpr (std::is_const_v<Element>) {
    return Text("shared<") + type_text<std::remove_const_t<Element>>() + Text(">");
  } else {
    return Text("shared_mut<") + type_text<Element>() + Text(">");
  }
}

template <class Stored>
constexpr auto stored_text() {
  using T = Stored;
  if constexpr (Named<T>) {
    return type_name<T>::value;
  } else if constexpr (std::is_void_v<T>) {
    return Text("void");
  } else if constexpr (std::is_same_v<T, std::byte>) {
    return Text("u8");
  } else if constexpr (std::is_enum_v<T>) {
    return number_text<std::underlying_type_t<T>>();
  } else if constexpr (std::is_arithmetic_v<T>) {
    return number_text<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    return Text("str");
  } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
    return Text("path");
  } else if constexpr (std::is_same_v<T, std::monostate>) {
    return Text("null");
  } else if constexpr (is_duration<T>) {
    return Text("duration");
  } else if constexpr (Bytes<T>) {
    return Text("bytes");
  } else if constexpr (is_sequence<T>) {
    return Text("list<") + type_text<typename T::value_type>() + Text(">");
  } else if constexpr (is_set<T>) {
    return Text("set<") + type_text<typename T::key_type>() + Text(">");
  } else if constexpr (is_map<T>) {
    return Text("map<") + type_texts<typename T::key_type, typename T::mapped_type>() + Text(">");
  } else if constexpr (is_array<T>) {
    return Text("array<") + type_text<typename T::value_type>() + Text(",") + decimal<std::tuple_size_v<T>>() +
           Text(">");
  } else if constexpr (is_shared_array<T>) {
    return shared_text<typename T::element_type>();
  } else if constexpr (is_optional<T>) {
    return Text("optional<") + type_text<typename T::value_type>() + Text(">");
  } else if constexpr (is_tuple<T>) {
    return Text("tuple<") + texts_of(std::type_identity<T>{}) + Text(">");
  } else if constexpr (is_variant<T>) {
    return Text("variant<") + texts_of(std::type_identity<T>{}) + Text(">");
  } else if constexpr (std::is_pointer_v<T>) {
    static_assert(always_false<T>,
                  "bulkhead: a pointer cannot cross a process boundary; take the value, "
                  "std::optional<T>, std::string_view or std::span<const T>");
  } else if constexpr (is_shared_pointer<T> || is_unique_ptr<T>) {
    static_assert(always_false<T>,
                  "bulkhead: a smart pointer cannot cross a process boundary; take the value or "
                  "std::optional<T>");
  } else {
    static_assert(always_false<T>,
                  "bulkhead: this type has no name in signatures; give it a cereal serialize() and "
                  "write BULKHEAD_TYPE(T) after it, at global scope");
  }
}

template <class T>
constexpr auto type_text() {
  return stored_text<stored_t<T>>();
}

// "(arguments)->result".
template <class R, class... A>
constexpr auto signature() {
  return Text("(") + type_texts<A...>() + Text(")->") + type_text<R>();
}

}  // namespace bulkhead::sdk

#include <bulkhead/sdk/shape.hpp>  // IWYU pragma: export (shape_hash)
