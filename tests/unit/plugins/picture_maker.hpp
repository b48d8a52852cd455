// Small pictures for tests, as bytes of files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "image/codec.hpp"

namespace plugin_tests {

// Left half red, right half blue; its upper left quarter green.
inline image::Picture quarters(std::uint32_t width, std::uint32_t height, std::uint32_t channels = 3) {
  image::Picture picture({width, height}, channels);
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      auto* const pixel = picture.pixels.data() + (std::size_t{y} * width + x) * channels;
      const bool is_left = x < width / 2;
      pixel[is_left ? (y < height / 2 ? 1 : 0) : 2] = 255;
      if (channels == 4) pixel[3] = 255;
    }
  }
  return picture;
}

inline std::string_view text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline image::Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// A JPEG file whose EXIF data says how the camera was held.
inline std::string jpeg_with_orientation(const image::Picture& picture, char orientation) {
  using namespace std::string_view_literals;
  const auto encoded = encode(picture, image::Format::kJpeg);
  std::string jpeg(text_of(encoded).substr(0, 2));
  // One segment of 34 bytes: a TIFF header, and a folder with the one entry.
  jpeg +=
      "\xff\xe1\x00\x22"
      "Exif\0\0"
      "II*\0\x08\0\0\0"
      "\x01\0\x12\x01\x03\0\x01\0\0\0"sv;
  jpeg += orientation;
  jpeg += "\0\0\0\0\0\0\0"sv;
  return jpeg += text_of(encoded).substr(2);
}

// How a pixel looks, by the largest of its colours: 'r', 'g' or 'b'.
inline char colour_at(const image::Picture& picture, std::uint32_t x, std::uint32_t y) {
  const auto* const pixel = picture.pixels.data() + (std::size_t{y} * picture.size.width + x) * picture.channels;
  if (pixel[0] > pixel[1] && pixel[0] > pixel[2]) return 'r';
  return pixel[1] > pixel[2] ? 'g' : 'b';
}

// The colours of the four corners: upper left, upper right, lower left, lower right.
inline std::string corners(const image::Picture& picture) {
  const std::uint32_t right = picture.size.width - 1;
  const std::uint32_t bottom = picture.size.height - 1;
  return {colour_at(picture, 0, 0), colour_at(picture, right, 0), colour_at(picture, 0, bottom),
          colour_at(picture, right, bottom)};
}

}  // namespace plugin_tests
