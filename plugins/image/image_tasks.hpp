// Thumbnails and other sizes of PNG and JPEG pictures.
//
// Ownership: nothing outlives a call.
// Threads:   any.
// Failure:   std::system_error with the path and the reason when a file cannot be read or written; std::runtime_error
//            with the file and what is wrong with it; std::invalid_argument for sizes that make no sense.
// Pictures are turned upright as EXIF says. Metadata and colour profiles are not kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace image {

// What the plugin's configuration says.
struct Settings {
  // A picture with more is refused before memory is taken for it: 4 bytes each, and as much again to encode them.
  std::uint64_t max_pixels = 1u << 27;
  std::filesystem::path output = "thumbnails";  // where thumbnails go that are not told where to
};

struct Thumbnail {
  std::filesystem::path file;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint64_t bytes = 0;
};

// Writes the picture, scaled so that its longer side has `size` pixels (never up), to `output`: in the format that this
// name ends with (.png, .jpg, .jpeg, in small or capital letters), else in the picture's own. Without `output` it is the
// picture's path below settings.output. Missing folders are made; a file that is there is replaced, but not the picture
// itself.
[[nodiscard]] Thumbnail thumbnail(const std::filesystem::path& file, std::uint32_t size,
                                  const std::optional<std::filesystem::path>& output, const Settings& settings);

// The picture in exactly this size, in its own format. 0 for one of the two: as the other one's proportion has it.
[[nodiscard]] std::vector<std::byte> resize(std::span<const std::byte> picture, std::uint32_t width,
                                            std::uint32_t height, const Settings& settings);

struct Info {
  std::string format;  // "png" or "jpeg"
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool has_alpha = false;
  std::uint64_t bytes = 0;
};

// What the file's header says, whatever its size.
[[nodiscard]] Info info(const std::filesystem::path& file);

}  // namespace image
