# Makes ${embedded_files}, a source that holds the files of scaffold/ and completion/ as constants (embedded_files.hpp).
set(entries "")
set(count 0)
foreach(folder IN ITEMS scaffold completion)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*)
  list(SORT files)
  foreach(file IN LISTS files)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    file(READ ${CMAKE_CURRENT_SOURCE_DIR}/${file} text)
    string(APPEND entries "    {\"${file}\", R\"embedded(${text})embedded\"},\n")
    math(EXPR count "${count} + 1")
  endforeach()
endforeach()
set(embedded_files ${CMAKE_CURRENT_BINARY_DIR}/embedded_files.cpp)
# A file that is as it was keeps its time: nothing is built again for it.
file(WRITE ${embedded_files}.new "// Made by embed_files.cmake.
#include \"embedded_files.hpp\"

#include <array>

namespace bulkhead::cli {
namespace {

constexpr std::array<EmbeddedFile, ${count}> kEmbeddedFiles{{
${entries}}};

}  // namespace

std::span<const EmbeddedFile> embedded_files() { return kEmbeddedFiles; }

}  // namespace bulkhead::cli
")
file(COPY_FILE ${embedded_files}.new ${embedded_files} ONLY_IF_DIFFERENT)
