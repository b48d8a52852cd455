#include "render.hpp"

#include <algorithm>
#include <cstdint>

namespace render {
namespace {

// Long enough that a call's own cost does not count, short enough that workers end together.
constexpr std::uint32_t kBandPixels = 32 * 1024;

std::vector<fractal::Tile> bands_of(const fractal::View& view) {
  const std::uint32_t height = std::max(1u, kBandPixels / std::max(1u, view.columns));
  std::vector<fractal::Tile> bands;
  for (std::uint32_t y = 0; y < view.rows; y += std::min(height, view.rows - y)) {
    bands.push_back({.view = view, .y = y, .width = view.columns, .height = std::min(height, view.rows - y)});
  }
  return bands;
}

}  // namespace

void render(bulkhead::Engine& engine, const fractal::View& view, int workers, const TakeRows& take) {
  const std::vector<fractal::Tile> bands = bands_of(view);
  auto pool = engine.pool({.processes = workers});
  auto band = bands.begin();
  // imap reads only a few bands ahead, and gives them in order: however large the picture, little of it is in memory.
  for (const auto& pixels : pool.imap<std::vector<std::byte>>("fractal.mandelbrot", bands)) take(*band++, pixels);
}

}  // namespace render
