// PNG and JPEG files as bytes, and back. The bytes may be anything.
//
// Ownership: the result is the caller's.
// Threads:   any.
// Failure:   std::runtime_error with the reason: the bytes are damaged, cut off, or have more pixels than allowed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "image/picture.hpp"

namespace image {

using Bytes = std::span<const std::byte>;

enum class Format : std::uint8_t { kPng, kJpeg };

// "png" or "jpeg".
[[nodiscard]] std::string_view name_of(Format format) noexcept;

// By how the bytes begin. Throws when they are neither.
[[nodiscard]] Format format_of(Bytes bytes);

struct Header {
  Format format = Format::kPng;
  Size size;  // upright
  bool has_alpha = false;
};

// Decodes nothing.
[[nodiscard]] Header header_of(Bytes bytes);

struct DecodeOptions {
  std::uint64_t max_pixels = 0;
  // The picture may come smaller where that saves time, but no smaller than this.
  Size least{UINT32_MAX, UINT32_MAX};
  // Without: on white.
  bool with_alpha = true;
};

// The picture, upright.
[[nodiscard]] Picture decode(Bytes bytes, const DecodeOptions& options);

// JPEG has no alpha: 3 channels only.
[[nodiscard]] std::vector<std::byte> encode(const Picture& picture, Format format);

// What the above is made of, one file for each library.
[[nodiscard]] Header png_header_of(Bytes bytes);
[[nodiscard]] Picture decode_png(Bytes bytes, const DecodeOptions& options);
[[nodiscard]] std::vector<std::byte> encode_png(const Picture& picture);
[[nodiscard]] Header jpeg_header_of(Bytes bytes);
[[nodiscard]] Picture decode_jpeg(Bytes bytes, const DecodeOptions& options);
[[nodiscard]] std::vector<std::byte> encode_jpeg(const Picture& picture);

// Throws when there are more.
void check_pixels(Size size, std::uint64_t max_pixels);

}  // namespace image
