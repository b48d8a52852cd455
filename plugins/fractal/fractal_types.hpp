// The types of the fractal plugin's tasks as they cross to a worker: what plugin and hosts share.
#pragma once

#include <bulkhead/types.hpp>

#include "fractal/fractal_tasks.hpp"

namespace fractal {

template <class Archive>
void serialize(Archive& archive, View& view) {
  archive(cereal::make_nvp("center_x", view.center_x), cereal::make_nvp("center_y", view.center_y),
          cereal::make_nvp("width", view.width), cereal::make_nvp("columns", view.columns),
          cereal::make_nvp("rows", view.rows), cereal::make_nvp("iterations", view.iterations));
}

template <class Archive>
void serialize(Archive& archive, Tile& tile) {
  archive(cereal::make_nvp("view", tile.view), cereal::make_nvp("x", tile.x), cereal::make_nvp("y", tile.y),
          cereal::make_nvp("width", tile.width), cereal::make_nvp("height", tile.height));
}

}  // namespace fractal
BULKHEAD_TYPE(fractal::View)
BULKHEAD_TYPE(fractal::Tile)
