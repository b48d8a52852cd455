# Makes ${scaffold_files}, a source that holds the files of scaffold/ as constants.
file(GLOB_RECURSE templates CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/scaffold
  ${CMAKE_CURRENT_SOURCE_DIR}/scaffold/*.in)
list(SORT templates)
set(entries "")
list(LENGTH templates count)
foreach(template IN LISTS templates)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/scaffold/${template})
  file(READ ${CMAKE_CURRENT_SOURCE_DIR}/scaffold/${template} text)
  string(REGEX MATCH "^([^/]+)/(.+)\\.in$" parts "${template}")
  string(APPEND entries "    {\"${CMAKE_MATCH_1}\", \"${CMAKE_MATCH_2}\", R\"scaffold(${text})scaffold\"},\n")
endforeach()
set(scaffold_files ${CMAKE_CURRENT_BINARY_DIR}/scaffold_files.cpp)
# A file that is as it was keeps its time: nothing is built again for it.
file(WRITE ${scaffold_files}.new "// Made by embed_scaffold.cmake.
#include \"scaffold.hpp\"

#include <array>

namespace bulkhead::cli {
namespace {

constexpr std::array<ScaffoldFile, ${count}> kScaffoldFiles{{
${entries}}};

}  // namespace

std::span<const ScaffoldFile> scaffold_files() { return kScaffoldFiles; }

}  // namespace bulkhead::cli
")
file(COPY_FILE ${scaffold_files}.new ${scaffold_files} ONLY_IF_DIFFERENT)
