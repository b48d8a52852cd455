# bulkhead_add_plugin(<name> <source>...)
# bulkhead_add_plugin(<name> SOURCES <source>...)
#
# Makes <name>.so: a module with hidden visibility whose only exported symbol is the plugin's entry point, without
# undefined symbols, and linked to bulkhead::sdk.
set(BULKHEAD_PLUGIN_VERSION_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/bulkhead_plugin.map
  CACHE INTERNAL "Linker version script of Bulkhead plugins")

function(bulkhead_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
  set(sources ${arg_UNPARSED_ARGUMENTS} ${arg_SOURCES})
  if(NOT sources)
    message(FATAL_ERROR "bulkhead_add_plugin(${name}): no sources; write bulkhead_add_plugin(${name} ${name}.cpp)")
  endif()
  add_library(${name} MODULE ${sources})
  target_link_libraries(${name} PRIVATE bulkhead::sdk)
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LINK_DEPENDS ${BULKHEAD_PLUGIN_VERSION_SCRIPT})
  target_link_options(${name} PRIVATE LINKER:--version-script=${BULKHEAD_PLUGIN_VERSION_SCRIPT})
  # A sanitizer's run time is in the program that loads the plugin, so its symbols are undefined here.
  get_target_property(options ${name} COMPILE_OPTIONS)
  if(NOT "${options};${CMAKE_CXX_FLAGS};${CMAKE_SHARED_LINKER_FLAGS};${BULKHEAD_SANITIZE}" MATCHES
     "-fsanitize=|address|thread|undefined|memory")
    target_link_options(${name} PRIVATE LINKER:--no-undefined)
  endif()
endfunction()
