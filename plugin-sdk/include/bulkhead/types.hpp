// Types that cross the boundary: their names, signatures and archives. What hosts and plugins
// share.
//
// plugin.hpp and engine.hpp include it; include it alone in a header that only declares shared
// types.
#pragma once

#include <cereal/cereal.hpp>

#include <bulkhead/sdk/archive.hpp>
#include <bulkhead/sdk/exception.hpp>
#include <bulkhead/sdk/signature.hpp>

// BULKHEAD_TYPE compares its own scope with this one.
struct bulkhead_at_global_scope;

// Names a user's type for signatures, as it is spelled here: BULKHEAD_TYPE(geo::Point). Write it at
// global scope, after the type; the same spelling in host and plugin. The type needs a cereal
// `serialize` (or save and load) and a default constructor.
#define BULKHEAD_TYPE(...)                                                                        \
  struct bulkhead_at_global_scope;                                                                \
  static_assert(::std::is_same_v<bulkhead_at_global_scope, ::bulkhead_at_global_scope>,           \
                "bulkhead: write BULKHEAD_TYPE at global scope, after the namespace of the type " \
                "is closed: BULKHEAD_TYPE(ns::Type)");                                            \
  template <>                                                                                     \
  struct bulkhead::type_name<__VA_ARGS__> {                                                       \
    static constexpr auto value = ::bulkhead::sdk::Text(#__VA_ARGS__);                            \
  };

// Lets a host throw an exception of a plugin's as its own type: BULKHEAD_EXCEPTION(geo::NoRoute), at global scope, spelled
// the same in plugin and host (best in a header that both include). What the host throws is a geo::NoRoute, a
// bulkhead::TaskError and, through geo::NoRoute, a std::exception. The type is rebuilt by its cereal `serialize`, from
// its members, where it has one, else from what(): it needs a constructor from const std::string&, or a default
// constructor and a `serialize`. A type that was not named, or that has other members there, arrives as a TaskError.
#define BULKHEAD_EXCEPTION(...)                                                                   \
  struct bulkhead_at_global_scope;                                                                \
  static_assert(::std::is_same_v<bulkhead_at_global_scope, ::bulkhead_at_global_scope>,           \
                "bulkhead: write BULKHEAD_EXCEPTION at global scope, after the namespace of the " \
                "type is closed: BULKHEAD_EXCEPTION(ns::Type)");                                  \
  static_assert(::std::is_base_of_v<::std::exception, __VA_ARGS__>,                               \
                "bulkhead: BULKHEAD_EXCEPTION needs a type derived from std::exception");         \
  template <>                                                                                     \
  [[gnu::used]] inline const bulkhead::sdk::ExceptionRegistration<__VA_ARGS__>                    \
      bulkhead::sdk::exception_registration<__VA_ARGS__>{#__VA_ARGS__};
