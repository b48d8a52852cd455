#include <png.h>

#include <stdexcept>
#include <string>

#include "image/codec.hpp"

namespace image {
namespace {

// libpng's own way to do the usual: it never leaves a call by longjmp.
class PngImage {
 public:
  PngImage() { image_.version = PNG_IMAGE_VERSION; }
  ~PngImage() { png_image_free(&image_); }
  PngImage(const PngImage&) = delete;
  PngImage& operator=(const PngImage&) = delete;

  void begin(Bytes bytes) {
    if (png_image_begin_read_from_memory(&image_, bytes.data(), bytes.size()) == 0) refuse();
  }
  [[noreturn]] void refuse() const { throw std::runtime_error("libpng says \"" + std::string(image_.message) + "\""); }
  [[nodiscard]] Size size() const { return {image_.width, image_.height}; }
  [[nodiscard]] bool has_alpha() const { return (image_.format & PNG_FORMAT_FLAG_ALPHA) != 0; }
  png_image& get() { return image_; }

 private:
  png_image image_{};
};

}  // namespace

Header png_header_of(Bytes bytes) {
  PngImage image;
  image.begin(bytes);
  return {Format::kPng, image.size(), image.has_alpha()};
}

Picture decode_png(Bytes bytes, const DecodeOptions& options) {
  PngImage image;
  image.begin(bytes);
  check_pixels(image.size(), options.max_pixels);
  const bool keeps_alpha = image.has_alpha() && options.with_alpha;
  image.get().format = keeps_alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  Picture picture(image.size(), keeps_alpha ? 4 : 3);
  const png_color white{255, 255, 255};
  if (png_image_finish_read(&image.get(), &white, picture.pixels.data(), 0, nullptr) == 0) image.refuse();
  return picture;
}

std::vector<std::byte> encode_png(const Picture& picture) {
  PngImage image;
  image.get().width = picture.size.width;
  image.get().height = picture.size.height;
  image.get().format = picture.channels == 4 ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  // The most it can take: asking for what it does take would compress twice.
  png_alloc_size_t size_bytes = PNG_IMAGE_PNG_SIZE_MAX(image.get());
  std::vector<std::byte> bytes(size_bytes);
  if (png_image_write_to_memory(&image.get(), bytes.data(), &size_bytes, 0, picture.pixels.data(), 0, nullptr) == 0) {
    image.refuse();
  }
  bytes.resize(size_bytes);
  return bytes;
}

}  // namespace image
