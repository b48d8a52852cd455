// Writes a file that is whole or not there, whatever becomes of the process.
//
// Threads: any.
// Failure: std::system_error with the path and the reason.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace image {

// Makes the folders above it, and takes the place of a file (or a link) that is there.
void write_whole_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace image
