// What path's operator/ says, by concatenation.
//
// Not by operator/ itself: where the folder ends in "/" and there is no memory for a long name behind it, libstdc++'s
// (12.2) takes away what it has not added yet, and runs on through memory.
#pragma once

#include <string>
#include <string_view>

namespace bulkhead::support {

// "folder/name"; the name alone where it begins with "/" or the folder is empty.
[[nodiscard]] inline std::string joined_path(std::string folder, std::string_view name) {
  if (name.starts_with('/')) folder.clear();
  if (!folder.empty() && !folder.ends_with('/')) folder += '/';
  folder += name;
  return folder;
}

}  // namespace bulkhead::support
