#include "image/image_tasks.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "image/codec.hpp"
#include "image/output_file.hpp"
#include "support/regular_file.hpp"

namespace image {
namespace {

// JPEG's limit is 65535, libjpeg's a little less.
constexpr std::uint32_t kMaxSide = 65500;
constexpr std::uint64_t kMaxFileBytes = 1u << 30;

std::string quoted(const std::filesystem::path& file) { return "\"" + file.string() + "\""; }

// What the codecs say, with whose fault it is.
template <class Work>
auto blaming(const std::string& culprit, Work work) {
  try {
    return work();
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("cannot use " + culprit + " as a picture: " + error.what());
  }
}

std::uint32_t in_proportion(std::uint32_t side, std::uint32_t of, std::uint32_t to) {
  return static_cast<std::uint32_t>(
      std::max(1.0, std::round(static_cast<double>(side) * static_cast<double>(to) / static_cast<double>(of))));
}

// Within a square, never larger than it is.
Size fitting(Size size, std::uint32_t side) {
  if (std::max(size.width, size.height) <= side) return size;
  return size.width >= size.height ? Size{side, in_proportion(size.height, size.width, side)}
                                   : Size{in_proportion(size.width, size.height, side), side};
}

std::filesystem::path default_output(const std::filesystem::path& file, const std::filesystem::path& folder) {
  std::filesystem::path normal = file.lexically_normal();
  // `..` would lead out of the folder again.
  if (!normal.empty() && *normal.begin() == "..") normal = std::filesystem::absolute(file).lexically_normal();
  return folder / normal.relative_path();
}

Format format_for(const std::filesystem::path& output, Format otherwise) {
  std::string extension = output.extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (extension == ".png") return Format::kPng;
  if (extension == ".jpg" || extension == ".jpeg") return Format::kJpeg;
  return otherwise;
}

}  // namespace

Thumbnail thumbnail(const std::filesystem::path& file, std::uint32_t size,
                    const std::optional<std::filesystem::path>& output, const Settings& settings) {
  if (size == 0 || size > kMaxSide) {
    throw std::invalid_argument("cannot make a thumbnail of " + std::to_string(size) +
                                " pixels: its longer side may have 1 to " + std::to_string(kMaxSide));
  }
  const std::filesystem::path target = output ? *output : default_output(file, settings.output);
  const std::vector<std::byte> bytes = plugin_support::read_whole(file, kMaxFileBytes);
  std::error_code is_not_there;
  if (std::filesystem::equivalent(file, target, is_not_there)) {
    throw std::invalid_argument("cannot write the thumbnail of " + quoted(file) + " to " + quoted(target) +
                                ": it would replace the picture itself");
  }
  Size scaled_to;
  const std::vector<std::byte> encoded = blaming(quoted(file), [&] {
    const Header header = header_of(bytes);
    const Format format = format_for(target, header.format);
    scaled_to = fitting(header.size, size);
    const Picture picture =
        decode(bytes, {.max_pixels = settings.max_pixels, .least = scaled_to, .with_alpha = format == Format::kPng});
    return encode(scaled(picture, scaled_to), format);
  });
  write_whole_file(target, encoded);
  return {target, scaled_to.width, scaled_to.height, encoded.size()};
}

std::vector<std::byte> resize(std::span<const std::byte> picture, std::uint32_t width, std::uint32_t height,
                              const Settings& settings) {
  if ((width == 0 && height == 0) || width > kMaxSide || height > kMaxSide) {
    throw std::invalid_argument("cannot resize a picture to " + std::to_string(width) + " by " +
                                std::to_string(height) + " pixels: sides may have 1 to " + std::to_string(kMaxSide) +
                                ", and one of them 0 for its proportion");
  }
  return blaming("these bytes", [&] {
    const Header header = header_of(picture);
    const Size wanted{width != 0 ? width : in_proportion(header.size.width, header.size.height, height),
                      height != 0 ? height : in_proportion(header.size.height, header.size.width, width)};
    if (wanted.width > kMaxSide || wanted.height > kMaxSide) {
      throw std::runtime_error("in this proportion a side has more than " + std::to_string(kMaxSide) + " pixels");
    }
    check_pixels(wanted, settings.max_pixels);
    return encode(scaled(decode(picture, {.max_pixels = settings.max_pixels, .least = wanted}), wanted), header.format);
  });
}

Info info(const std::filesystem::path& file) {
  const std::vector<std::byte> bytes = plugin_support::read_whole(file, kMaxFileBytes);
  const Header header = blaming(quoted(file), [&] { return header_of(bytes); });
  return {std::string(name_of(header.format)), header.size.width, header.size.height, header.has_alpha, bytes.size()};
}

}  // namespace image
