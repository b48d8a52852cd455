// A picture in memory: 8 bits each of red, green, blue and perhaps alpha, as the sRGB numbers of its file.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace image {

struct Size {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

struct Picture {
  Picture(Size its_size, std::uint32_t its_channels);

  Size size;
  std::uint32_t channels;            // 3, or 4 with alpha
  std::vector<std::uint8_t> pixels;  // row by row, without gaps
};

// Averages (or interpolates) in linear light, and does not let the colour of transparent pixels bleed.
[[nodiscard]] Picture scaled(const Picture& picture, Size size);

// As EXIF counts: 1 is upright, 2 to 8 are mirrored or turned. What it looks like upright.
[[nodiscard]] Picture upright(Picture picture, int orientation);
[[nodiscard]] inline bool is_turned(int orientation) { return orientation >= 5; }  // width is height

}  // namespace image
