#include "image/picture.hpp"

#include <stb_image_resize.h>

#include <algorithm>
#include <new>
#include <utility>

namespace image {

Picture::Picture(Size its_size, std::uint32_t its_channels)
    : size(its_size), channels(its_channels), pixels(std::size_t{size.width} * size.height * channels) {}

Picture scaled(const Picture& picture, Size size) {
  if (size == picture.size) return picture;
  Picture result(size, picture.channels);
  const auto number = [](std::uint32_t value) { return static_cast<int>(value); };
  if (stbir_resize_uint8_srgb(picture.pixels.data(), number(picture.size.width), number(picture.size.height), 0,
                              result.pixels.data(), number(size.width), number(size.height), 0,
                              number(picture.channels), picture.channels == 4 ? 3 : STBIR_ALPHA_CHANNEL_NONE, 0) == 0) {
    throw std::bad_alloc();  // it has no other reason
  }
  return result;
}

Picture upright(Picture picture, int orientation) {
  if (orientation <= 1 || orientation > 8) return picture;
  const bool is_swapped = is_turned(orientation);
  const Size from = picture.size;
  Picture result(is_swapped ? Size{from.height, from.width} : from, picture.channels);
  std::uint8_t* to = result.pixels.data();
  for (std::uint32_t y = 0; y < result.size.height; ++y) {
    for (std::uint32_t x = 0; x < result.size.width; ++x, to += picture.channels) {
      // Where the pixel comes from: 5 to 8 swap the axes; then the file's columns run backwards in 2, 3, 7 and 8, its
      // rows in 3, 4, 6 and 7.
      std::uint32_t column = is_swapped ? y : x;
      std::uint32_t row = is_swapped ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
        column = from.width - 1 - column;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) row = from.height - 1 - row;
      const auto* const source = picture.pixels.data() + (std::size_t{row} * from.width + column) * picture.channels;
      std::copy_n(source, picture.channels, to);
    }
  }
  return result;
}

}  // namespace image
