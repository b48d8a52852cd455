# bulkhead_test_group(<group> <target>): `unit_tests`, `concurrent_tests` and so on build what the tests with that label
# need.
# All of them are in the global property BULKHEAD_TEST_PROGRAMS.
function(bulkhead_test_group group target)
  if(NOT TARGET ${group})
    add_custom_target(${group})
  endif()
  add_dependencies(${group} ${target})
  set_property(GLOBAL APPEND PROPERTY BULKHEAD_TEST_PROGRAMS ${target})
endfunction()

# Test programs are mostly templates that run once: optimising them takes far longer than they run. What is tested is
# optimised, but for headers; so not for ipc, whose lock-free code lies in headers.
function(bulkhead_build_test_quickly target)
  if(BULKHEAD_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  else()
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O0>)
  endif()
endfunction()

# bulkhead_label_test(<test> <target> <label>): with BULKHEAD_TEST_LABEL in a folder, that instead.
function(bulkhead_label_test test target label)
  if(BULKHEAD_TEST_LABEL)
    set(label ${BULKHEAD_TEST_LABEL})
  endif()
  set_property(TEST ${test} APPEND PROPERTY LABELS ${label})
  bulkhead_test_group(${label}_tests ${target})
endfunction()

# bulkhead_test_program(<target> <layer> <sources>...): a program of tests of one layer of the engine (or of `sdk`), which
# sees that layer and those below it.
function(bulkhead_test_program target layer)
  add_executable(${target} ${ARGN})
  if(NOT layer STREQUAL "sdk")
    bulkhead_layers_up_to(${layer} layers)
  endif()
  target_link_libraries(${target} PRIVATE
    ${layers} bulkhead::sdk bulkhead_dev_flags bulkhead_test_support GTest::gmock GTest::gtest bulkhead_test_main)
  if(NOT layer STREQUAL "ipc")
    bulkhead_build_test_quickly(${target})
  endif()
endfunction()

# bulkhead_add_unit_test(<layer> <name> <target> [<argument>...])
function(bulkhead_add_unit_test layer name target)
  add_test(NAME unit.${layer}.${name} COMMAND ${target} ${ARGN})
  set_tests_properties(unit.${layer}.${name} PROPERTIES TIMEOUT 120)
  bulkhead_label_test(unit.${layer}.${name} ${target} unit)
  if(layer MATCHES "^(ipc|worker|process|pool)$")
    bulkhead_label_test(unit.${layer}.${name} ${target} concurrent)
  endif()
endfunction()

# bulkhead_test(<layer> <name>...): unit tests in <name>_test.cpp, each run by itself as unit.<layer>.<name>. Those of the
# layers that have threads are `concurrent` too. A layer's tests share a program, unit_<layer>: their headers take longer
# to compile than they do.
function(bulkhead_test layer)
  set(target unit_${layer})
  if(NOT TARGET ${target})
    bulkhead_test_program(${target} ${layer})
  endif()
  foreach(name IN LISTS ARGN)
    target_sources(${target} PRIVATE ${name}_test.cpp)
    bulkhead_add_unit_test(${layer} ${name} ${target} --only=${name}_test.cpp)
  endforeach()
endfunction()

# bulkhead_integration_test(<name> <sources>...): real processes. The worker program and the plugins are built first,
# and found through the environment. Named integration.<name>.
#
# The engine and its worker are instrumented by a sanitizer. The test's own code and the fixture plugins are so only for
# the thread sanitizer, which must see all of a process: otherwise they compile to the same objects in every preset,
# which ccache has from the release build. What is in public headers is instrumented in the unit tests.
function(bulkhead_integration_flags target)
  if(BULKHEAD_SANITIZE STREQUAL "thread")
    target_link_libraries(${target} PRIVATE bulkhead_dev_flags)
  else()
    target_link_libraries(${target} PRIVATE bulkhead_warnings)
  endif()
endfunction()

function(bulkhead_integration_test name)
  set(target ${name}_test)
  add_executable(${target} ${ARGN})
  # The layers' headers, for tests that look inside; the objects come with the library.
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/engine/src)
  target_link_libraries(${target} PRIVATE
    bulkhead::engine bulkhead_test_support GTest::gmock GTest::gtest_main)
  bulkhead_integration_flags(${target})
  add_dependencies(${target} bulkhead-worker bulkhead_fixture_plugins)
  add_test(NAME integration.${name} COMMAND ${target})
  bulkhead_label_test(integration.${name} ${target} integration)
  set_tests_properties(integration.${name} PROPERTIES TIMEOUT 300
    # A crash must look like a crash: AddressSanitizer would report it and leave with an exit code.
    ENVIRONMENT "ASAN_OPTIONS=handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0;BULKHEAD_WORKER=$<TARGET_FILE:bulkhead-worker>;BULKHEAD_TEST_PLUGINS=${PROJECT_BINARY_DIR}/tests/fixtures/plugins;BULKHEAD_PLUGIN_PATH=${PROJECT_BINARY_DIR}/plugins")
endfunction()
