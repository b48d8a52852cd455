// How the camera was held.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <span>

namespace image {

// The orientation that a JPEG file's EXIF data tells, 1 to 8; 1 (upright) where it tells none that makes sense.
[[nodiscard]] int orientation_of(std::span<const std::byte> jpeg);

}  // namespace image
