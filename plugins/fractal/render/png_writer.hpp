// A PNG file that is written row by row.
//
// Ownership: owns the file; one that is not finished is removed.
// Threads:   one.
// Failure:   std::system_error when the file cannot be written, std::runtime_error with libpng's reason.
#pragma once

#include <png.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>

namespace render {

class PngWriter {
 public:
  // Truncates a file that is there. Rows are 8 bits each of red, green and blue.
  PngWriter(const std::string& path, std::uint32_t width, std::uint32_t height);
  ~PngWriter();
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  // One or more whole rows.
  void write_rows(std::span<const std::byte> pixels);
  // After the last row.
  void finish();

 private:
  [[noreturn]] void fail() const;
  void close() noexcept;

  std::string path_;
  std::size_t row_bytes_;
  std::string reason_;  // libpng's last error
  std::FILE* file_ = nullptr;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
};

}  // namespace render
