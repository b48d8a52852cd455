// A formatter for log lines: "{}" takes the next argument, "{{" and "}}" are braces.
//
// std::format is not in g++ 12, and a plugin should not need fmt for a log line. No format
// specifications; a "{}" without an argument stays as it is, arguments without a "{}" are left out.
// Throws only what an operator<< throws.
#pragma once

#include <array>
#include <charconv>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>

namespace bulkhead::sdk {

// Appends one value: text, numbers, bool, characters, enums as their number, else whatever has
// operator<<.
template <class T>
void append_value(std::string& out, const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    out += std::string_view(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, char>) {
    out += value;
  } else if constexpr (std::is_arithmetic_v<T>) {
    std::array<char, 64> text;
    const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
    out.append(text.data(), result.ptr);
  } else if constexpr (requires(std::ostream & stream) { stream << value; }) {
    std::ostringstream stream;
    stream << value;
    out += stream.view();
  } else {
    static_assert(std::is_enum_v<T>, "bulkhead: this type cannot be logged; give it an operator<<");
    append_value(out, static_cast<std::underlying_type_t<T>>(value));
  }
}

// An argument whose type is forgotten, so that the loop over the format exists once.
struct FormatArgument {
  const void* value;
  void (*append)(std::string& out, const void* value);
};

inline std::string format_arguments(std::string_view format, const FormatArgument* next, const FormatArgument* end) {
  std::string out;
  out.reserve(format.size() + 32);
  for (std::size_t i = 0; i < format.size(); ++i) {
    const std::string_view pair = format.substr(i, 2);
    if (pair == "{}" && next != end) {
      next->append(out, next->value);
      ++next;
      ++i;
    } else if (pair == "{{" || pair == "}}") {
      out += pair[0];
      ++i;
    } else {
      out += format[i];
    }
  }
  return out;
}

// `format` with its "{}" replaced by the arguments.
template <class... T>
std::string format_text(std::string_view format, const T&... arguments) {
  const std::array<FormatArgument, sizeof...(T) + 1> list = {
      {{&arguments, [](std::string& out, const void* value) { append_value(out, *static_cast<const T*>(value)); }}...,
       {nullptr, nullptr}}};
  return format_arguments(format, list.data(), list.data() + sizeof...(T));
}

}  // namespace bulkhead::sdk
