# Warnings and sanitizers of this repository's own targets. Never exported: users choose their own.
# bulkhead_warnings alone is for programs that need the sanitizers' libraries but are not looked at themselves.
add_library(bulkhead_warnings INTERFACE)
add_library(bulkhead_dev_flags INTERFACE)
target_link_libraries(bulkhead_dev_flags INTERFACE bulkhead_warnings)
target_compile_options(bulkhead_warnings INTERFACE
  -Wall -Wextra -Wno-missing-field-initializers -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wconversion
  $<$<COMPILE_LANGUAGE:CXX>:-Wsuggest-override>)
# g++ 12 sees overlapping copies in std::string's own operator+ when it optimises (its bug 105651).
target_compile_options(bulkhead_warnings INTERFACE
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(bulkhead_warnings INTERFACE -Werror)
endif()
if(BULKHEAD_SANITIZE)
  target_compile_options(bulkhead_dev_flags INTERFACE
    -fsanitize=${BULKHEAD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(bulkhead_warnings INTERFACE -fsanitize=${BULKHEAD_SANITIZE})
endif()
if(BULKHEAD_FAULT_POINTS)
  target_compile_definitions(bulkhead_dev_flags INTERFACE BULKHEAD_FAULT_POINTS)
endif()
