// Lists of names as people can bear them.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace bulkhead::cli {

// The first five, each cut after 100 bytes, and how many more there are.
inline std::string shown_list(const std::vector<std::string>& names) {
  constexpr std::size_t kMostShown = 5;
  constexpr std::size_t kMostBytes = 100;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostShown); ++i) {
    if (i > 0) text += ", ";
    text += names[i].substr(0, kMostBytes);
    if (names[i].size() > kMostBytes) text += "…";
  }
  if (names.size() > kMostShown) text += " and " + std::to_string(names.size() - kMostShown) + " more";
  return text;
}

}  // namespace bulkhead::cli
