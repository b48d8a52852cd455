// The lines of a file that match a regular expression, by RE2: no pattern takes more than time in proportion to the text.
//
// Ownership: nothing outlives a call but the thread's read buffer and its last pattern, compiled.
// Threads:   any.
// Failure:   std::invalid_argument with RE2's reason for a pattern; std::system_error with the path and the reason when a
//            file cannot be opened or read or is no regular file.
// Memory:    the matches, one line, and what RE2 takes, about 8 MiB at most.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace text {

struct Match {
  std::uint64_t line = 0;  // from 1
  std::string text;        // without its newline
};

// Of longer lines only so much is searched, and of longer matches only so much is told (less where that would cut a
// character of UTF-8).
inline constexpr std::size_t kMaxSearchedBytes = 1u << 20;
inline constexpr std::size_t kMaxToldBytes = 4096;

// Lines end with \n, as grep's; the pattern may match anywhere in one. It is UTF-8, in RE2's syntax
// (https://github.com/google/re2/wiki/Syntax). Reads no further once it has `count` lines (1000 if not given).
[[nodiscard]] std::vector<Match> grep(const std::filesystem::path& path, const std::string& pattern,
                                      std::optional<std::uint32_t> count);

}  // namespace text
