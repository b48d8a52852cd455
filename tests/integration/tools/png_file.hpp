// PNG files, read and written by libpng.
#pragma once

#include <png.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bulkhead::test {

struct DecodedPng {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> pixels;  // red, green, blue

  [[nodiscard]] std::array<int, 3> at(std::uint32_t x, std::uint32_t y) const {
    const auto* const pixel = pixels.data() + 3 * (std::size_t{y} * width + x);
    return {pixel[0], pixel[1], pixel[2]};
  }
};

// Nothing when libpng does not take it.
inline std::optional<DecodedPng> decode_png(const std::string& file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&image, file.c_str()) == 0) return {};
  image.format = PNG_FORMAT_RGB;
  DecodedPng decoded{image.width, image.height, std::vector<std::uint8_t>(PNG_IMAGE_SIZE(image))};
  if (png_image_finish_read(&image, nullptr, decoded.pixels.data(), 0, nullptr) == 0) return {};
  return decoded;
}

// A picture of one colour, as the bytes of a file.
inline std::string png_of(std::uint32_t width, std::uint32_t height, std::array<std::uint8_t, 3> colour) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGB;
  std::vector<std::uint8_t> pixels;
  for (std::uint64_t i = 0; i < std::uint64_t{width} * height; ++i) {
    pixels.insert(pixels.end(), colour.begin(), colour.end());
  }
  std::string bytes(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t size_bytes = bytes.size();
  if (png_image_write_to_memory(&image, bytes.data(), &size_bytes, 0, pixels.data(), 0, nullptr) == 0) return {};
  bytes.resize(size_bytes);
  return bytes;
}

}  // namespace bulkhead::test
