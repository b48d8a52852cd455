// Types that cross the boundary: their names, signatures and archives. What hosts and plugins
// share.
//
// plugin.hpp and engine.hpp include it; include it alone in a header that only declares shared
// types.
#pragma once

#include <cereal/cereal.hpp>

#include <bulkhead/sdk/archive.hpp>
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
