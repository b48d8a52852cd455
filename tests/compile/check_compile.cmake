# cmake -DCOMPILER=... -DSOURCE=... -DINCLUDE=... [-DPRECOMPILED=...] -P check_compile.cmake
#
# Compiles SOURCE. With a line "// expect: TEXT" in it: it must fail, and its first error line must contain TEXT.
# Without: it must compile without a warning.
execute_process(
  COMMAND ${COMPILER} -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion
    -I${PRECOMPILED} -I${INCLUDE} ${SOURCE}
  RESULT_VARIABLE result ERROR_VARIABLE output OUTPUT_VARIABLE output)
file(READ ${SOURCE} text)
string(REGEX MATCH "// expect: ([^\n]*)" expectation "${text}")
set(expected "${CMAKE_MATCH_1}")
if(expectation STREQUAL "")
  if(NOT result EQUAL 0 OR output MATCHES "warning:")
    message(FATAL_ERROR "${SOURCE} must compile without a warning:\n${output}")
  endif()
  return()
endif()
if(result EQUAL 0)
  message(FATAL_ERROR "${SOURCE} compiles, but must be refused with: ${expected}")
endif()
string(REGEX MATCH "error: [^\n]*" first_error "${output}")
string(FIND "${first_error}" "${expected}" position)
if(position EQUAL -1)
  message(FATAL_ERROR "the first error of ${SOURCE} is\n  ${first_error}\nand does not contain\n  ${expected}")
endif()
