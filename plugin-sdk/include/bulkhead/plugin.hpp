// The one header for authors of plugins.
//
//   std::int64_t add(std::int64_t a, std::int64_t b) { return a + b; }
//   BULKHEAD_PLUGIN("math", "1.0.0", add)
//
// More forms of entries: sdk/task.hpp. What a task may ask of its worker: sdk/context.hpp. A
// tutorial: README.md.
#pragma once

#include <bulkhead/sdk/context.hpp>
#include <bulkhead/sdk/entry_list.hpp>
#include <bulkhead/sdk/plugin_table.hpp>
#include <bulkhead/sdk/task.hpp>
#include <bulkhead/types.hpp>

// Makes this shared object the plugin NAME: its entries are functions, bulkhead::task(...) and
// bulkhead::on_load(...). Once per shared object; NAME and VERSION are constant strings. `5s` and
// its like may be used in it.
#define BULKHEAD_PLUGIN(NAME, VERSION, ...)                                                                      \
  struct only_one_BULKHEAD_PLUGIN_per_shared_object_list_all_tasks_in_it {};                                     \
  namespace {                                                                                                    \
  namespace bulkhead_plugin_ {                                                                                   \
  using namespace ::std::chrono_literals; /* NOLINT: for .timeout(5s) */                                         \
  struct Plugin {                                                                                                \
    static constexpr ::std::string_view name() { return NAME; }                                                  \
    static constexpr ::std::string_view version() { return VERSION; }                                            \
  };                                                                                                             \
  constexpr auto entries = ::bulkhead::sdk::entries__for_an_overloaded_or_template_function_write_bulkhead_task( \
      #__VA_ARGS__ __VA_OPT__(, ) __VA_ARGS__);                                                                  \
  static_assert(::bulkhead::sdk::check_plugin<entries, Plugin>());                                               \
  [[gnu::used, gnu::section(BULKHEAD_NOTE_SECTION)]] alignas(4) constexpr auto note =                            \
      ::bulkhead::sdk::make_note<entries, Plugin>();                                                             \
  }                                                                                                              \
  }                                                                                                              \
  extern "C" [[gnu::visibility("default"), gnu::used]] const bulkhead_plugin* BULKHEAD_ENTRY_POINT() {           \
    return ::bulkhead::sdk::PluginTable<bulkhead_plugin_::entries, bulkhead_plugin_::Plugin>::get();             \
  }                                                                                                              \
  static_assert(true, "a semicolon may follow, or not");
