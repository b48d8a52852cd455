// How a host makes an exception that BULKHEAD_EXCEPTION named out of what a worker told about it.
//
// Threads: types are named while the program is loaded; looking for them is free of locks.
#pragma once

#include <bulkhead/error.hpp>
#include <bulkhead/sdk/exception_members.hpp>

#include <cstddef>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace bulkhead::detail {

struct RebuiltException {
  std::string_view name;  // as it was written in BULKHEAD_EXCEPTION
  // `text`: the whole sentence; `members`: as the plugin wrote them, or none. Null: it cannot be rebuilt from that.
  std::exception_ptr (*make)(const std::string& text, const TaskError::Info& info, std::span<const std::byte> members);
  const RebuiltException* next;
};
inline constinit const RebuiltException* rebuilt_exceptions = nullptr;

// Of a T that is made from its what(), or empty.
template <class T>
[[nodiscard]] Thrown<TaskError, T> make_thrown(const std::string& text, const TaskError::Info& info) {
  if constexpr (std::is_constructible_v<T, const std::string&>) {
    return Thrown<TaskError, T>(text, info, info.text);
  } else {
    return Thrown<TaskError, T>(text, info);
  }
}

template <class T>
[[nodiscard]] std::exception_ptr rebuild_exception(const std::string& text, const TaskError::Info& info,
                                                   [[maybe_unused]] std::span<const std::byte> members) {
  try {
    auto thrown = make_thrown<T>(text, info);
    if constexpr (sdk::has_exception_members<T>) {
      if (members.empty()) return nullptr;  // not named in the plugin, or too large to travel
      sdk::read_exception_members(members, static_cast<T&>(thrown));
    }
    return std::make_exception_ptr(std::move(thrown));
  } catch (...) {
    return nullptr;  // the members of another build, or the type's own code throws: the caller has a TaskError then
  }
}

}  // namespace bulkhead::detail
