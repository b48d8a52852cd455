// Names of types for people.
#pragma once

#include <cxxabi.h>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>

namespace bulkhead::sdk {

// "std::domain_error", for any type; "?" when there is none.
inline std::string readable_name(const std::type_info* type) {
  if (type == nullptr) return "?";
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                    std::free);
  std::string_view readable = status == 0 && name ? name.get() : type->name();
  // What std::throw_with_nested() throws is a type of the library's around the one that was named.
  constexpr std::string_view kNested = "std::_Nested_exception<";
  if (readable.starts_with(kNested) && readable.ends_with('>')) {
    readable.remove_prefix(kNested.size());
    readable.remove_suffix(1);
    if (readable.ends_with(' ')) readable.remove_suffix(1);
  }
  return std::string(readable);
}

}  // namespace bulkhead::sdk
