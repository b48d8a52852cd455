// Names the tasks of the image plugin, and reads their configuration. The tasks themselves are in image_tasks.cpp.
#include <bulkhead/plugin.hpp>

#include "image/image_types.hpp"

using bulkhead::task;

namespace image {
namespace {

Settings settings_of(bulkhead::PluginContext& plugin) {
  const Settings usual;
  return {plugin.config("max_pixels", usual.max_pixels), plugin.config("output", usual.output)};
}

// Each is made once in a worker, before its first call.
class ThumbnailTask {
 public:
  explicit ThumbnailTask(bulkhead::PluginContext& plugin) : settings_(settings_of(plugin)) {}
  Thumbnail operator()(const std::filesystem::path& file, std::uint32_t size,
                       const std::optional<std::filesystem::path>& output) const {
    return thumbnail(file, size, output, settings_);
  }

 private:
  Settings settings_;
};

class ResizeTask {
 public:
  explicit ResizeTask(bulkhead::PluginContext& plugin) : settings_(settings_of(plugin)) {}
  std::vector<std::byte> operator()(std::span<const std::byte> picture, std::uint32_t width,
                                    std::uint32_t height) const {
    return resize(picture, width, height, settings_);
  }

 private:
  Settings settings_;
};

}  // namespace
}  // namespace image

BULKHEAD_PLUGIN("image", "1.0.0",
                task<image::ThumbnailTask>("thumbnail")
                    .doc("writes a PNG or JPEG file's picture in a small size, below thumbnails/ if not told where")
                    .params("file", "size", "output")
                    .idempotent(),
                task<image::ResizeTask>("resize")
                    .doc("a PNG or JPEG picture in another size; 0 for one side keeps the proportion")
                    .params("picture", "width", "height")
                    .idempotent(),
                task("info", &image::info).doc("format and size of a PNG or JPEG file").params("file").idempotent())
