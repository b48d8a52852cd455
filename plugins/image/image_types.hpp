// The types of the image plugin's results as they cross to the host: what plugin and hosts share.
#pragma once

#include <bulkhead/types.hpp>

#include "image/image_tasks.hpp"

namespace image {

template <class Archive>
void serialize(Archive& archive, Thumbnail& thumbnail) {
  archive(cereal::make_nvp("file", thumbnail.file), cereal::make_nvp("width", thumbnail.width),
          cereal::make_nvp("height", thumbnail.height), cereal::make_nvp("bytes", thumbnail.bytes));
}

template <class Archive>
void serialize(Archive& archive, Info& info) {
  archive(cereal::make_nvp("format", info.format), cereal::make_nvp("width", info.width),
          cereal::make_nvp("height", info.height), cereal::make_nvp("has_alpha", info.has_alpha),
          cereal::make_nvp("bytes", info.bytes));
}

}  // namespace image
BULKHEAD_TYPE(image::Thumbnail)
BULKHEAD_TYPE(image::Info)
