// Counts in text files of any size and any encoding that contains ASCII.
//
// Ownership: nothing outlives a call but the thread's read buffer.
// Threads:   any.
// Failure:   std::system_error with the path and the reason when a file cannot be opened or read or
// is
//            no regular file.
// Memory:    top_words keeps each different word once; the others keep nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace text {

// Runs of anything but white space, whatever the locale: space, \t, \n, \v, \f and \r divide words,
// as POSIX says of wc -w. (GNU wc before 9.4 does not count a run of control characters.)
[[nodiscard]] std::uint64_t word_count(const std::filesystem::path& path);

// Newline characters, as wc -l: a last line that lacks its newline is not counted.
[[nodiscard]] std::uint64_t line_count(const std::filesystem::path& path);

// The most frequent words and how often each occurs, most frequent first, ties by their bytes.
// A word here is a run of ASCII letters, digits, apostrophes and bytes above 127 (so UTF-8
// characters stay whole), without apostrophes at its ends. ASCII letters are made small; others
// stay as they are. A run of more than 1024 bytes is data, not a word, and is left out.
// `count` is 10 when it is not given.
[[nodiscard]] std::vector<std::tuple<std::string, std::uint64_t>> top_words(const std::filesystem::path& path,
                                                                            std::optional<std::uint32_t> count);

}  // namespace text
