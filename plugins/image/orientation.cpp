#include "image/orientation.hpp"

#include <libexif/exif-data.h>

#include <algorithm>
#include <memory>

namespace image {

int orientation_of(std::span<const std::byte> jpeg) {
  struct Release {
    void operator()(ExifData* data) const noexcept { exif_data_unref(data); }
  };
  // It stands within the first segments, each of which has 64 KiB at most.
  constexpr std::size_t kLookedAtBytes = 256 * 1024;
  const auto size_bytes = static_cast<unsigned int>(std::min(jpeg.size(), kLookedAtBytes));
  const std::unique_ptr<ExifData, Release> data(
      exif_data_new_from_data(reinterpret_cast<const unsigned char*>(jpeg.data()), size_bytes));
  if (data == nullptr) return 1;
  const ExifEntry* const entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  if (entry == nullptr || entry->format != EXIF_FORMAT_SHORT || entry->components != 1 || entry->size < 2) return 1;
  const int orientation = exif_get_short(entry->data, exif_data_get_byte_order(data.get()));
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

}  // namespace image
