#include "image/codec.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace image {
namespace {

template <std::size_t N>
bool begins_with(Bytes bytes, const std::array<unsigned char, N>& signature) {
  return bytes.size() >= N &&
         std::ranges::equal(bytes.first(N), signature, {}, [](std::byte value) { return std::to_integer<int>(value); });
}

}  // namespace

std::string_view name_of(Format format) noexcept { return format == Format::kPng ? "png" : "jpeg"; }

Format format_of(Bytes bytes) {
  constexpr std::array<unsigned char, 8> kPng{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  constexpr std::array<unsigned char, 3> kJpeg{0xff, 0xd8, 0xff};
  if (begins_with(bytes, kPng)) return Format::kPng;
  if (begins_with(bytes, kJpeg)) return Format::kJpeg;
  throw std::runtime_error(bytes.empty() ? "it is empty" : "it is neither PNG nor JPEG");
}

Header header_of(Bytes bytes) {
  return format_of(bytes) == Format::kPng ? png_header_of(bytes) : jpeg_header_of(bytes);
}

Picture decode(Bytes bytes, const DecodeOptions& options) {
  return format_of(bytes) == Format::kPng ? decode_png(bytes, options) : decode_jpeg(bytes, options);
}

std::vector<std::byte> encode(const Picture& picture, Format format) {
  return format == Format::kPng ? encode_png(picture) : encode_jpeg(picture);
}

void check_pixels(Size size, std::uint64_t max_pixels) {
  if (std::uint64_t{size.width} * size.height <= max_pixels) return;
  throw std::runtime_error("its " + std::to_string(size.width) + " by " + std::to_string(size.height) +
                           " pixels are more than the " + std::to_string(max_pixels) +
                           " that the plugin's configuration allows (max_pixels)");
}

}  // namespace image
