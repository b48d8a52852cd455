#include <turbojpeg.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#include "image/codec.hpp"
#include "image/orientation.hpp"

namespace image {
namespace {

constexpr int kQuality = 85;

struct DestroyJpeg {
  void operator()(void* handle) const noexcept { tjDestroy(handle); }
};
using JpegHandle = std::unique_ptr<void, DestroyJpeg>;

JpegHandle made(tjhandle handle) {
  if (handle == nullptr) throw std::bad_alloc();
  return JpegHandle(handle);
}

[[noreturn]] void refuse_jpeg(const JpegHandle& handle) {
  throw std::runtime_error("libjpeg says \"" + std::string(tjGetErrorStr2(handle.get())) + "\"");
}

const unsigned char* data_of(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

struct JpegHeader {
  Size size;  // as it is stored
  int colours = 0;
};

JpegHeader read_header(const JpegHandle& handle, Bytes bytes) {
  int width = 0;
  int height = 0;
  int subsampling = 0;
  JpegHeader header;
  if (tjDecompressHeader3(handle.get(), data_of(bytes), bytes.size(), &width, &height, &subsampling, &header.colours) !=
      0) {
    refuse_jpeg(handle);
  }
  header.size = {static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)};
  return header;
}

// libjpeg can leave out work by decoding to an eighth, a quarter or a half. Twice the wanted size is left for `scaled`,
// whose pixels are better.
Size least_decoded(Size size, Size least) {
  for (const int denominator : {8, 4, 2}) {
    const tjscalingfactor factor{1, denominator};
    const Size smaller{static_cast<std::uint32_t>(TJSCALED(static_cast<int>(size.width), factor)),
                       static_cast<std::uint32_t>(TJSCALED(static_cast<int>(size.height), factor))};
    if (smaller.width / 2 >= least.width && smaller.height / 2 >= least.height) return smaller;
  }
  return size;
}

// Cameras leave bytes between segments, which harm nobody. Any other warning means pixels that are not the picture's.
bool is_harmless_warning(const JpegHandle& handle) {
  return tjGetErrorCode(handle.get()) == TJERR_WARNING &&
         std::string_view(tjGetErrorStr2(handle.get())).find("extraneous bytes before marker") !=
             std::string_view::npos;
}

}  // namespace

Header jpeg_header_of(Bytes bytes) {
  Size size = read_header(made(tjInitDecompress()), bytes).size;
  if (is_turned(orientation_of(bytes))) size = {size.height, size.width};
  return {Format::kJpeg, size, false};
}

Picture decode_jpeg(Bytes bytes, const DecodeOptions& options) {
  const JpegHandle handle = made(tjInitDecompress());
  const JpegHeader header = read_header(handle, bytes);
  check_pixels(header.size, options.max_pixels);
  if (header.colours == TJCS_CMYK || header.colours == TJCS_YCCK) {
    throw std::runtime_error("its colours are for print (CMYK), which cannot be shown without their profile");
  }
  const int orientation = orientation_of(bytes);
  const Size least = is_turned(orientation) ? Size{options.least.height, options.least.width} : options.least;
  Picture picture(least_decoded(header.size, least), 3);
  // A file of some kilobytes may have thousands of scans, each over all of the picture: TJFLAG_LIMITSCANS.
  if (tjDecompress2(handle.get(), data_of(bytes), bytes.size(), picture.pixels.data(),
                    static_cast<int>(picture.size.width), 0, static_cast<int>(picture.size.height), TJPF_RGB,
                    TJFLAG_LIMITSCANS) != 0 &&
      !is_harmless_warning(handle)) {
    refuse_jpeg(handle);
  }
  return upright(std::move(picture), orientation);
}

std::vector<std::byte> encode_jpeg(const Picture& picture) {
  const JpegHandle handle = made(tjInitCompress());
  const auto width = static_cast<int>(picture.size.width);
  const auto height = static_cast<int>(picture.size.height);
  unsigned long size_bytes = tjBufSize(width, height, TJSAMP_420);
  std::vector<std::byte> bytes(size_bytes);
  auto* data = reinterpret_cast<unsigned char*>(bytes.data());
  if (tjCompress2(handle.get(), picture.pixels.data(), width, 0, height, TJPF_RGB, &data, &size_bytes, TJSAMP_420,
                  kQuality, TJFLAG_NOREALLOC) != 0) {
    refuse_jpeg(handle);
  }
  bytes.resize(size_bytes);
  return bytes;
}

}  // namespace image
