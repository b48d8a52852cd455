// Files of this folder that the program carries along, so that it works wherever it is copied to.
#pragma once

#include <span>
#include <string_view>

namespace bulkhead::cli {

struct EmbeddedFile {
  std::string_view path;  // "completion/bulkhead.bash"
  std::string_view text;
};

// As the build found them.
[[nodiscard]] std::span<const EmbeddedFile> embedded_files();

}  // namespace bulkhead::cli
