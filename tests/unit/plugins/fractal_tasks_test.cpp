#include "fractal/fractal_tasks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using fractal::Tile;
using fractal::View;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

const auto kNoQuestions = [] {};

std::vector<std::byte> part_of(const std::vector<std::byte>& picture, const Tile& tile) {
  std::vector<std::byte> part;
  for (std::uint32_t row = 0; row < tile.height; ++row) {
    const auto* const begin = picture.data() + 3 * (std::size_t{tile.y + row} * tile.view.columns + tile.x);
    part.insert(part.end(), begin, begin + std::size_t{3} * tile.width);
  }
  return part;
}

TEST(Fractal, ThePointsOfTheSetAreBlackAndTheOthersAreNot) {
  // One pixel each, whose middle is the view's.
  const auto pixel_at = [](double x, double y) {
    const View view{.center_x = x, .center_y = y, .width = 0.001, .columns = 1, .rows = 1};
    return fractal::mandelbrot({.view = view, .width = 1, .height = 1}, kNoQuestions);
  };
  // In the cardioid, the disc, a bulb that only iterating finds, and at the tip of the antenna.
  for (const auto& [x, y] : std::vector<std::pair<double, double>>{{0, 0}, {-1, 0.1}, {-0.12, 0.75}, {-2, 0}}) {
    EXPECT_THAT(pixel_at(x, y), ElementsAre(std::byte{0}, std::byte{0}, std::byte{0})) << x << ", " << y;
  }
  for (const auto& [x, y] : std::vector<std::pair<double, double>>{{0.3, 0}, {-0.75, 0.2}, {1, 1}, {-100, 100}}) {
    EXPECT_THAT(pixel_at(x, y), ::testing::Not(Each(std::byte{0}))) << x << ", " << y;
  }
}

TEST(Fractal, ATileHasThePixelsOfThePictureItIsPartOf) {
  const View view{.columns = 37, .rows = 23, .iterations = 60};
  const auto whole = fractal::mandelbrot({.view = view, .width = 37, .height = 23}, kNoQuestions);
  ASSERT_THAT(whole, SizeIs(3 * 37 * 23));
  for (const Tile& tile : {Tile{view, 0, 0, 1, 1}, Tile{view, 36, 22, 1, 1}, Tile{view, 5, 7, 20, 9},
                           Tile{view, 0, 11, 37, 12}, Tile{view, 10, 10, 0, 0}}) {
    EXPECT_EQ(fractal::mandelbrot(tile, kNoQuestions), part_of(whole, tile)) << tile.x << " " << tile.y;
  }
}

TEST(Fractal, ThePictureIsTheSameAboveAndBelowTheRealAxis) {
  const View view{.columns = 20, .rows = 11};
  const auto row = [&](std::uint32_t y) {
    return fractal::mandelbrot({.view = view, .y = y, .width = 20, .height = 1}, kNoQuestions);
  };
  for (std::uint32_t y = 0; y < 5; ++y) EXPECT_EQ(row(y), row(10 - y)) << y;
  EXPECT_NE(row(0), row(5));
}

TEST(Fractal, AsksBeforeEachRowAndStopsWhereItIsTold) {
  const View view{.columns = 4, .rows = 9};
  int rows = 0;
  EXPECT_THROW((void)fractal::mandelbrot({.view = view, .width = 4, .height = 9},
                                         [&] {
                                           if (++rows == 3) throw std::runtime_error("enough");
                                         }),
               std::runtime_error);
  EXPECT_EQ(rows, 3);
}

TEST(Fractal, RefusesWhatMakesNoSense) {
  const View good{.columns = 8, .rows = 8};
  const auto with = [&](auto change) {
    Tile tile{.view = good, .width = 8, .height = 8};
    change(tile);
    return tile;
  };
  const std::vector<Tile> bad{
      with([](Tile& tile) { tile.view.columns = 0; }),
      with([](Tile& tile) { tile.view.width = 0; }),
      with([](Tile& tile) { tile.view.width = std::numeric_limits<double>::infinity(); }),
      with([](Tile& tile) { tile.view.center_x = std::numeric_limits<double>::quiet_NaN(); }),
      with([](Tile& tile) { tile.view.width = 1e-16; }),
      with([](Tile& tile) { tile.x = 1; }),
      with([](Tile& tile) { tile.y = 0xffffffff; }),
      with([](Tile& tile) { tile.height = 0xffffffff; }),
      {.view = {.columns = 1u << 31, .rows = 2}, .width = 1u << 31, .height = 2},
  };
  int rows = 0;
  for (const Tile& tile : bad) {
    EXPECT_THROW((void)fractal::mandelbrot(tile, [&] { ++rows; }), std::invalid_argument) << &tile - bad.data();
  }
  EXPECT_EQ(rows, 0);
}

TEST(Fractal, ASketchHasAllOfTheSetWhateverItsShape) {
  for (const auto& [columns, rows] : std::vector<std::pair<unsigned, unsigned>>{{60, 20}, {30, 40}, {200, 10}}) {
    std::istringstream sketch(fractal::sketch(columns, rows) + "\n");
    std::vector<std::string> lines;
    for (std::string line; std::getline(sketch, line);) lines.push_back(line);
    ASSERT_THAT(lines, SizeIs(rows));
    bool has_points = false;
    for (const auto& line : lines) {
      has_points |= line.find('@') != std::string::npos;
      EXPECT_LE(line.size(), columns);
      EXPECT_FALSE(line.starts_with('@')) << line;
      EXPECT_FALSE(line.ends_with(' ')) << line;
      EXPECT_FALSE(line.size() == columns && line.ends_with('@')) << line;
    }
    EXPECT_TRUE(has_points);
    EXPECT_EQ(lines.front().find('@'), std::string::npos);
    EXPECT_EQ(lines.back().find('@'), std::string::npos);
  }
  EXPECT_THROW((void)fractal::sketch(0, 10), std::invalid_argument);
  EXPECT_THROW((void)fractal::sketch(10, 1001), std::invalid_argument);
}

}  // namespace
