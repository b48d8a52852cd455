# cmake -DCOMPILER=... -DREADME=... -DINCLUDE=... -DOUTPUT=... -P check_readme.cmake
#
# Every ```cpp block of README that includes a header is a whole file: it must compile without a warning.
file(READ ${README} rest)
set(count 0)
string(FIND "${rest}" "```cpp\n" begin)
while(NOT begin EQUAL -1)
  math(EXPR begin "${begin} + 7")
  string(SUBSTRING "${rest}" ${begin} -1 rest)
  string(FIND "${rest}" "```" end)
  string(SUBSTRING "${rest}" 0 ${end} block)
  math(EXPR end "${end} + 3")
  string(SUBSTRING "${rest}" ${end} -1 rest)
  math(EXPR count "${count} + 1")
  set(source ${OUTPUT}/readme_${count}.cpp)
  file(WRITE ${source} "${block}")
  execute_process(
    COMMAND ${COMPILER} -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -I${INCLUDE} ${source}
    RESULT_VARIABLE result ERROR_VARIABLE output)
  if(NOT result EQUAL 0 OR output MATCHES "warning:")
    message(FATAL_ERROR "block ${count} of ${README} does not compile cleanly:\n${output}")
  endif()
  string(FIND "${rest}" "```cpp\n" begin)
endwhile()
if(count EQUAL 0)
  message(FATAL_ERROR "${README} has no \`\`\`cpp block")
endif()
