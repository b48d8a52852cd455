// A picture of the Mandelbrot set, computed in worker processes band by band.
#pragma once

#include <bulkhead/engine.hpp>

#include <cstddef>
#include <functional>
#include <vector>

#include "fractal/fractal_types.hpp"

namespace render {

// What becomes of a band's pixels: whole rows of red, green and blue, from the upper edge on.
using TakeRows = std::function<void(const fractal::Tile& band, const std::vector<std::byte>& pixels)>;

// Calls `take` with every band of the picture in order, each as soon as it and those above it are there. Throws what a
// task or `take` throws; nothing is left running then.
void render(bulkhead::Engine& engine, const fractal::View& view, int workers, const TakeRows& take);

}  // namespace render
