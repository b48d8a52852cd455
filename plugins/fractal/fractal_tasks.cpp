#include "fractal/fractal_tasks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string_view>

namespace fractal {
namespace {

// Larger than the 2 behind which every point escapes: the colours then join without steps.
constexpr double kEscapeSquared = 65536;

struct Escape {
  bool is_inside = false;
  std::uint32_t iterations = 0;
  double square = 0;  // of the absolute value it escaped with
};

Escape iterate(double cx, double cy, std::uint32_t limit) {
  // The cardioid and the disc to its left are most of the set, and each of their points would need all iterations.
  const double q = (cx - 0.25) * (cx - 0.25) + cy * cy;
  if (q * (q + cx - 0.25) <= 0.25 * cy * cy || (cx + 1) * (cx + 1) + cy * cy <= 0.0625) return {.is_inside = true};
  double x = 0;
  double y = 0;
  for (std::uint32_t n = 0; n < limit; ++n) {
    const double xx = x * x;
    const double yy = y * y;
    if (xx + yy > kEscapeSquared) return {.iterations = n, .square = xx + yy};
    y = 2 * x * y + cy;
    x = xx - yy + cx;
  }
  return {.is_inside = true};
}

struct Colour {
  double red, green, blue;
};

// Repeats every kPeriod iterations; the first is also what the last fades into.
constexpr double kPeriod = 64;
constexpr std::array<Colour, 5> kColours{{{0, 7, 100}, {32, 107, 203}, {237, 255, 255}, {255, 170, 0}, {60, 2, 0}}};

void write_pixel(const Escape& escape, std::byte* pixel) {
  if (escape.is_inside) {
    std::fill_n(pixel, 3, std::byte{0});
    return;
  }
  // The count of iterations as a number with a fraction: from n where the escape was just so, to n + 1.
  const double smooth = escape.iterations + 4 - std::log2(std::log2(escape.square) / 2);
  const double place = std::max(0.0, smooth) / kPeriod * kColours.size();
  const auto whole = static_cast<std::uint64_t>(place);
  const double part = place - static_cast<double>(whole);
  const Colour& from = kColours[whole % kColours.size()];
  const Colour& to = kColours[(whole + 1) % kColours.size()];
  const auto mix = [part](double a, double b) {
    return static_cast<std::byte>(static_cast<std::uint8_t>(a + (b - a) * part));
  };
  pixel[0] = mix(from.red, to.red);
  pixel[1] = mix(from.green, to.green);
  pixel[2] = mix(from.blue, to.blue);
}

[[noreturn]] void refuse(const std::string& reason) {
  throw std::invalid_argument("cannot compute a tile of the Mandelbrot set: " + reason);
}

void check(const Tile& tile) {
  const View& view = tile.view;
  if (view.columns == 0 || view.rows == 0) refuse("its view has no pixels");
  if (!std::isfinite(view.center_x) || !std::isfinite(view.center_y) || !std::isfinite(view.width) || view.width <= 0) {
    refuse("its view needs a finite center, and a width above 0");
  }
  if (tile.x > view.columns || tile.width > view.columns - tile.x || tile.y > view.rows ||
      tile.height > view.rows - tile.y) {
    refuse("it is not within its view of " + std::to_string(view.columns) + " by " + std::to_string(view.rows) +
           " pixels");
  }
  if (std::uint64_t{tile.width} * tile.height > kMaxTilePixels) {
    refuse("it has more than " + std::to_string(kMaxTilePixels) + " pixels");
  }
  const double largest = std::max({1.0, std::abs(view.center_x), std::abs(view.center_y)});
  if (view.width / view.columns < 8 * std::numeric_limits<double>::epsilon() * largest) {
    refuse("at this width neighbouring pixels are the same number in double precision");
  }
}

}  // namespace

std::vector<std::byte> mandelbrot(const Tile& tile, const std::function<void()>& before_row) {
  check(tile);
  const View& view = tile.view;
  const double step = view.width / view.columns;
  const double left = view.center_x - step * (view.columns - 1) / 2;
  const double top = view.center_y + step * (view.rows - 1) / 2;
  std::vector<std::byte> pixels(std::size_t{3} * tile.width * tile.height);
  std::byte* pixel = pixels.data();
  for (std::uint32_t row = 0; row < tile.height; ++row) {
    before_row();
    const double cy = top - step * (tile.y + row);
    for (std::uint32_t column = 0; column < tile.width; ++column, pixel += 3) {
      write_pixel(iterate(left + step * (tile.x + column), cy, view.iterations), pixel);
    }
  }
  return pixels;
}

std::string sketch(std::uint32_t columns, std::uint32_t rows) {
  constexpr std::uint32_t kMax = 1000;
  if (columns == 0 || rows == 0 || columns > kMax || rows > kMax) {
    throw std::invalid_argument("cannot sketch " + std::to_string(columns) + " columns and " + std::to_string(rows) +
                                " rows: there may be 1 to " + std::to_string(kMax) + " of each");
  }
  constexpr std::string_view kShades = "   .,:;+*%#";
  constexpr std::uint32_t kIterations = 200;
  // All of the set fits, in whichever direction is the tighter one.
  const double step = std::max(3.2 / columns, 2.5 / (2.0 * rows));
  std::string text;
  for (std::uint32_t row = 0; row < rows; ++row) {
    if (row > 0) text += '\n';
    const double cy = 2 * step * ((rows - 1) / 2.0 - row);
    for (std::uint32_t column = 0; column < columns; ++column) {
      const double cx = -0.6 + step * (column - (columns - 1) / 2.0);
      const Escape escape = iterate(cx, cy, kIterations);
      text += escape.is_inside ? '@' : kShades[std::min<std::size_t>(escape.iterations / 2, kShades.size() - 1)];
    }
    text.erase(text.find_last_not_of(' ') + 1);
  }
  return text;
}

}  // namespace fractal
