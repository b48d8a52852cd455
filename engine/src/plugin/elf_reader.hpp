// What the host needs to know of a shared library without loading it: dlopen() runs constructors,
// and calls a library for another machine "no such file".
//
// Every offset, size and count of the file is distrusted: nothing outside `file` is ever read,
// whatever its bytes, and the work is bounded by its size.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::plugin {

struct ElfFacts {
  // The description of the catalogue note; points into the file's bytes. Empty: it has none.
  std::optional<std::string_view> catalogue;
  // Its run path, or a library it needs, is given relative to the file's own folder ($ORIGIN): only
  // from there it can be loaded.
  bool uses_origin = false;
  // The libraries it wants loaded with it, as written there.
  std::vector<std::string> needed;
};

// `path` is for the messages. Throws PluginError: kNotElf, kTruncated (a header, segment or section
// ends behind the file's end), kWrongArchitecture, kNotAPlugin (a program or object file),
// kInconsistent (two catalogues).
[[nodiscard]] ElfFacts read_elf(std::span<const std::byte> file, const std::string& path);

}  // namespace bulkhead::plugin
