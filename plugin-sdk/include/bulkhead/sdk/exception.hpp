// Exceptions of the user's own that arrive in the host as their own type: BULKHEAD_EXCEPTION in types.hpp.
//
// Threads: types are named while the program or plugin is loaded; looking for them is free of locks.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>

#include <bulkhead/sdk/exception_members.hpp>
#include <bulkhead/sdk/readable_name.hpp>

// The host's half, where there is a host: its headers lie beside these then.
#if __has_include(<bulkhead/detail/rebuilt_exception.hpp>)
#include <bulkhead/detail/rebuilt_exception.hpp>
#define BULKHEAD_SDK_REBUILDS_EXCEPTIONS
#endif

namespace bulkhead::sdk {

// One type named by BULKHEAD_EXCEPTION, for telling it to a host.
struct ExceptionType {
  std::string_view name;  // as it was written
  std::string readable;   // as the compiler spells it
  // Appends the members of `error`. False: it has none that are carried. Throws EncodeError.
  bool (*write_members)(ByteSink& to, const std::exception& error);
  const ExceptionType* next;
};
inline constinit const ExceptionType* exception_types = nullptr;

// The type of that readable name; nullptr when it was not named.
[[nodiscard]] inline const ExceptionType* find_exception_type(std::string_view readable) {
  const ExceptionType* type = exception_types;
  while (type != nullptr && type->readable != readable) type = type->next;
  return type;
}

template <class T>
class ExceptionRegistration {
  static_assert(
      std::is_convertible_v<T*, std::exception*>,
      "bulkhead: BULKHEAD_EXCEPTION needs a type with exactly one public std::exception base; with two, catch "
      "(const std::exception&) matches neither");
  static_assert(!std::is_final_v<T>,
                "bulkhead: BULKHEAD_EXCEPTION needs a type that is not final: what the host throws "
                "derives from it and from bulkhead::TaskError");
  static_assert(std::is_copy_constructible_v<T>, "bulkhead: BULKHEAD_EXCEPTION needs a type that can be copied");
  static_assert(std::is_constructible_v<T, const std::string&> ||
                    (std::is_default_constructible_v<T> && has_exception_members<T>),
                "bulkhead: BULKHEAD_EXCEPTION needs a type that can be rebuilt; add a constructor from const "
                "std::string& (it gets what()), or a default constructor and  template <class A> void serialize(A& a) "
                "{ a(members...); }");

 public:
  explicit ExceptionRegistration(std::string_view name)
      : type_{name, readable_name(&typeid(T)), &write_members, exception_types} {
    exception_types = &type_;
#ifdef BULKHEAD_SDK_REBUILDS_EXCEPTIONS
    detail::rebuilt_exceptions = &rebuilt_;
#endif
  }
  ExceptionRegistration(const ExceptionRegistration&) = delete;
  ExceptionRegistration& operator=(const ExceptionRegistration&) = delete;

 private:
  static bool write_members([[maybe_unused]] ByteSink& to, [[maybe_unused]] const std::exception& error) {
    if constexpr (has_exception_members<T>) {
      // What std::throw_with_nested() throws derives from it.
      if (const auto* own = dynamic_cast<const T*>(&error)) {
        write_exception_members(to, *own);
        return true;
      }
    }
    return false;
  }

  ExceptionType type_;
#ifdef BULKHEAD_SDK_REBUILDS_EXCEPTIONS
  detail::RebuiltException rebuilt_{type_.name, &detail::rebuild_exception<T>, detail::rebuilt_exceptions};
#endif
};

// Defined for each type by BULKHEAD_EXCEPTION.
template <class T>
extern const ExceptionRegistration<T> exception_registration;

}  // namespace bulkhead::sdk
