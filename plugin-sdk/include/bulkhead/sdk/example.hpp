// The values of .example(), written as JSON into the catalogue note at compile time.
//
// Compile time only. A value is converted to the type its parameter declares; one that has no form here, or does not
// fit, is a compile error that says what to write.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <bulkhead/sdk/callable.hpp>
#include <bulkhead/sdk/decimal_text.hpp>
#include <bulkhead/sdk/note_text.hpp>

namespace bulkhead {

// A value of .example() as JSON text: for types that have no constants, such as maps and your own.
struct JsonText {
  const char* text;  // must outlive the plugin: a literal
};
// The value of .example(2, bulkhead::json(R"({"x": 1})")).
constexpr JsonText json(const char* text) { return {text}; }

}  // namespace bulkhead

namespace bulkhead::sdk {

template <class V>
inline constexpr bool is_whole = std::is_integral_v<V> && !std::is_same_v<V, bool> && !is_wide_char<V>;

template <class T>
inline constexpr bool has_list_form = (is_sequence<T> && !Bytes<T>) || is_set<T> || is_array<T>;

// Whether a value of type V can stand for one of type T.
template <class T, class V>
constexpr bool stands_for() {
  if constexpr (std::is_same_v<V, JsonText>) {
    return true;
  } else if constexpr (is_optional<T>) {
    return std::is_same_v<V, std::nullopt_t> || stands_for<typename T::value_type, V>();
  } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, char>) {
    return std::is_same_v<V, T>;
  } else if constexpr (std::is_enum_v<T>) {
    return std::is_same_v<V, T>;
  } else if constexpr (std::is_integral_v<T>) {
    return is_whole<V>;
  } else if constexpr (std::is_floating_point_v<T>) {
    return is_whole<V> || std::is_floating_point_v<V>;
  } else if constexpr (StringText<T> || std::is_same_v<T, std::filesystem::path>) {
    return std::is_convertible_v<V, std::string_view>;
  } else if constexpr (has_list_form<T>) {
    if constexpr (is_array<V>) {
      return stands_for<typename T::value_type, typename V::value_type>();
    } else {
      return false;
    }
  } else if constexpr (is_tuple<T>) {
    if constexpr (is_tuple<V>) {
      if constexpr (std::tuple_size_v<T> == std::tuple_size_v<V>) {
        return []<std::size_t... I>(std::index_sequence<I...>) {
          return (true && ... && stands_for<std::tuple_element_t<I, T>, std::tuple_element_t<I, V>>());
        }
        (std::make_index_sequence<std::tuple_size_v<T>>{});
      } else {
        return false;
      }
    } else {
      return false;
    }
  } else {
    return false;
  }
}

constexpr void write_json_text(NoteText& out, std::string_view text) {
  out.escaped("\"");
  for (const char c : text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      const char code[] = {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
      out.escaped({code, sizeof code});
    } else {
      if (c == '"' || c == '\\') out.escaped("\\");
      out.escaped({&c, 1});
    }
  }
  out.escaped("\"");
}

template <class T, class V>
constexpr void write_whole(NoteText& out, V value) {
  using Wide = std::conditional_t<std::is_signed_v<V>, std::int64_t, std::uint64_t>;
  using Target = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
  const auto wide = static_cast<Wide>(value);
  if (!std::in_range<Target>(wide) || static_cast<Wide>(static_cast<T>(value)) != wide) {
    out.does_not_fit();
  }
  if constexpr (std::is_signed_v<T>) {
    out.signed_number(static_cast<std::int64_t>(wide));
  } else {
    out.digits(static_cast<std::uint64_t>(wide));
  }
}

// Requires: stands_for<T, V>().
template <class T, class V>
constexpr void write_example_value(NoteText& out, const V& value) {
  if constexpr (std::is_same_v<V, JsonText>) {
    // Newlines between JSON's words mean nothing, and the note is lines; inside a text JSON has no control characters.
    for (const char c : std::string_view(value.text)) {
      const char shown = static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
      out.escaped({&shown, 1});
    }
  } else if constexpr (std::is_same_v<V, std::nullopt_t>) {
    out.escaped("null");
  } else if constexpr (is_optional<T>) {
    write_example_value<typename T::value_type>(out, value);
  } else if constexpr (std::is_same_v<T, bool>) {
    out.escaped(value ? "true" : "false");
  } else if constexpr (std::is_same_v<T, char>) {
    write_json_text(out, {&value, 1});
  } else if constexpr (std::is_enum_v<T>) {
    write_whole<std::underlying_type_t<T>>(out, static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_integral_v<T>) {
    write_whole<T>(out, value);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (is_whole<V> && static_cast<V>(static_cast<T>(value)) != value) out.does_not_fit();
    write_decimal(out, static_cast<double>(static_cast<T>(value)));
  } else if constexpr (has_list_form<T>) {
    out.escaped("[");
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out.escaped(",");
      write_example_value<typename T::value_type>(out, value[i]);
    }
    out.escaped("]");
  } else if constexpr (is_tuple<T>) {
    out.escaped("[");
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      ((out.escaped(I == 0 ? "" : ","), write_example_value<std::tuple_element_t<I, T>>(out, std::get<I>(value))), ...);
    }
    (std::make_index_sequence<std::tuple_size_v<T>>{});
    out.escaped("]");
  } else {
    write_json_text(out, value);
  }
}

template <class Proto>
struct ExampleOf;
template <class R, bool HasContext, class... P>
struct ExampleOf<Prototype<R, HasContext, P...>> {
  // What the values of an example stand for, in order.
  using Types = std::conditional_t<std::is_void_v<R>, TypeList<stored_t<P>...>,
                                   TypeList<stored_t<P>..., stored_t<std::conditional_t<std::is_void_v<R>, int, R>>>>;

  // True, or a compile error.
  template <class... V>
  static constexpr bool check() {
    static_assert(sizeof...(V) == Types::kSize,
                  "bulkhead: .example() takes a value for each parameter (not counting TaskContext&), then the result; "
                  "a task that returns void has none");
    if constexpr (sizeof...(V) == Types::kSize) {
      static_assert(
          all_stand<V...>(Types{}),
          "bulkhead: .example() takes numbers, texts, bool, std::nullopt, std::array for a list and std::tuple, "
          "each where such a type is declared; write any other value as JSON: bulkhead::json(\"...\")");
      return sizeof...(V) == Types::kSize && all_stand<V...>(Types{});
    }
    return false;
  }

  // The line of the note.
  template <class... V>
  static constexpr void write(NoteText& out, const std::tuple<V...>& values) {
    out.plain("example");
    out.begin_field();
    out.escaped("[");
    write_values(out, values, Types{}, std::make_index_sequence<sizeof...(V)>{});
    if constexpr (std::is_void_v<R>) {
      out.escaped("]");
      out.field("null");
    }
    out.end_line();
  }

 private:
  template <class... V, class... T>
  static constexpr bool all_stand(TypeList<T...>) {
    return (true && ... && stands_for<T, V>());
  }
  template <class Values, class... T, std::size_t... I>
  static constexpr void write_values(NoteText& out, const Values& values, TypeList<T...>, std::index_sequence<I...>) {
    ((begin_value(out, I), write_example_value<T>(out, std::get<I>(values))), ...);
  }
  static constexpr void begin_value(NoteText& out, std::size_t index) {
    if (index == sizeof...(P)) {  // the result
      out.escaped("]");
      out.begin_field();
    } else if (index > 0) {
      out.escaped(",");
    }
  }
};

}  // namespace bulkhead::sdk
