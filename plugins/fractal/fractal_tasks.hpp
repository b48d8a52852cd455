// The Mandelbrot set, tile by tile: what a renderer or a map viewer asks for, each tile by itself.
//
// Ownership: none.
// Threads:   any; nothing is shared.
// Failure:   std::invalid_argument for a view or tile that makes no sense, before anything is
// computed.
// The same tile has the same pixels whatever picture or worker it is part of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace fractal {

// A picture of `columns` by `rows` pixels onto the complex plane; its pixels are squares.
struct View {
  double center_x = -0.75;
  double center_y = 0;
  double width = 3.5;  // of the plane, from the picture's left edge to its right one
  std::uint32_t columns = 0;
  std::uint32_t rows = 0;
  std::uint32_t iterations = 1000;  // after so many a point counts as one of the set
};

// A rectangle of a view's pixels; (0, 0) is the upper left one.
struct Tile {
  View view;
  std::uint32_t x = 0;
  std::uint32_t y = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

inline constexpr std::uint64_t kMaxTilePixels = 64u << 20;

// Red, green and blue of each pixel of the tile, row by row. The set is black, what is around it is coloured by how
// fast it escapes. `before_row` is called before each row; what it throws leaves this function.
[[nodiscard]] std::vector<std::byte> mandelbrot(const Tile& tile, const std::function<void()>& before_row);

// The whole set for a terminal, whose characters are twice as high as wide: `rows` lines of at most `columns` characters,
// without spaces at their ends. Both from 1 to 1000.
[[nodiscard]] std::string sketch(std::uint32_t columns, std::uint32_t rows);

}  // namespace fractal
