#include "image/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <stdexcept>
#include <string>

#include "unit/plugins/picture_maker.hpp"

namespace {

using image::Format;
using image::Picture;
using image::Size;
using plugin_tests::bytes_of;
using plugin_tests::corners;
using plugin_tests::quarters;
using plugin_tests::text_of;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

constexpr image::DecodeOptions kAll{.max_pixels = 1u << 24};

std::string reason_of(image::Bytes bytes, const image::DecodeOptions& options = kAll) {
  try {
    (void)image::decode(bytes, options);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

TEST(ImageCodec, PngKeepsEveryPixelAndItsAlpha) {
  for (const std::uint32_t channels : {3u, 4u}) {
    Picture picture = quarters(7, 5, channels);
    if (channels == 4) picture.pixels[3] = 100;
    const auto bytes = image::encode(picture, Format::kPng);
    const auto header = image::header_of(bytes);
    EXPECT_EQ(header.format, Format::kPng);
    EXPECT_EQ(header.size, (Size{7, 5}));
    EXPECT_EQ(header.has_alpha, channels == 4);
    const Picture decoded = image::decode(bytes, kAll);
    EXPECT_EQ(decoded.channels, channels);
    EXPECT_EQ(decoded.pixels, picture.pixels);
  }
}

TEST(ImageCodec, JpegKeepsThePictureNearly) {
  const auto bytes = image::encode(quarters(64, 48), Format::kJpeg);
  const auto header = image::header_of(bytes);
  EXPECT_EQ(header.format, Format::kJpeg);
  EXPECT_EQ(header.size, (Size{64, 48}));
  EXPECT_FALSE(header.has_alpha);
  const Picture decoded = image::decode(bytes, kAll);
  EXPECT_EQ(decoded.size, (Size{64, 48}));
  EXPECT_EQ(corners(decoded), "gbrb");
}

TEST(ImageCodec, WhatIsTransparentIsWhiteWhereThereIsNoAlpha) {
  const auto bytes = image::encode(Picture({2, 1}, 4), Format::kPng);  // black, and not to be seen
  const Picture decoded = image::decode(bytes, {.max_pixels = 100, .with_alpha = false});
  EXPECT_EQ(decoded.channels, 3u);
  EXPECT_EQ(decoded.pixels, std::vector<std::uint8_t>(6, 255));
}

TEST(ImageCodec, JpegComesSmallerButAtLeastTwiceTheSizeThatIsNeeded) {
  const auto bytes = image::encode(quarters(400, 200), Format::kJpeg);
  const auto decoded_size = [&](Size least) {
    return image::decode(bytes, {.max_pixels = 1u << 20, .least = least}).size;
  };
  EXPECT_EQ(decoded_size({25, 12}), (Size{50, 25}));
  EXPECT_EQ(decoded_size({26, 12}), (Size{100, 50}));
  EXPECT_EQ(decoded_size({100, 50}), (Size{200, 100}));
  EXPECT_EQ(decoded_size({101, 50}), (Size{400, 200}));
  EXPECT_EQ(decoded_size({1000, 1000}), (Size{400, 200}));
}

TEST(ImageCodec, TurnsWhatTheCameraTookUpright) {
  // What EXIF says, and where the picture's corners then are; the numbers are those of the standard's table.
  const std::vector<std::pair<char, std::string>> expected{{1, "gbrb"}, {2, "bgbr"}, {3, "brbg"}, {4, "rbgb"},
                                                           {5, "grbb"}, {6, "rgbb"}, {7, "bbrg"}, {8, "bbgr"},
                                                           {0, "gbrb"}, {9, "gbrb"}};
  for (const auto& [orientation, seen] : expected) {
    SCOPED_TRACE(static_cast<int>(orientation));
    const auto jpeg = plugin_tests::jpeg_with_orientation(quarters(64, 32), orientation);
    const bool is_turned = orientation >= 5 && orientation <= 8;
    const Size upright = is_turned ? Size{32, 64} : Size{64, 32};
    EXPECT_EQ(image::header_of(bytes_of(jpeg)).size, upright);
    const Picture decoded = image::decode(bytes_of(jpeg), kAll);
    EXPECT_EQ(decoded.size, upright);
    EXPECT_EQ(corners(decoded), seen);
    // The sizes that are wanted are those that are seen.
    const Size least = is_turned ? Size{8, 16} : Size{16, 8};
    EXPECT_EQ(image::decode(bytes_of(jpeg), {.max_pixels = 1u << 20, .least = least}).size,
              is_turned ? (Size{16, 32}) : (Size{32, 16}));
  }
}

TEST(ImageCodec, RefusesWhatIsNoPicture) {
  EXPECT_EQ(reason_of({}), "it is empty");
  EXPECT_EQ(reason_of(bytes_of("hello, world")), "it is neither PNG nor JPEG");
  EXPECT_THAT(reason_of(bytes_of("\x89PNG\r\n\x1a\n")), HasSubstr("libpng says"));
  EXPECT_THAT(reason_of(bytes_of("\xff\xd8\xff\xd9 and that is all")), HasSubstr("libjpeg says"));
}

TEST(ImageCodec, RefusesMorePixelsThanAllowedBeforeTheyTakeMemory) {
  const std::string claim(text_of(image::encode(quarters(300, 200), Format::kPng)));
  EXPECT_THAT(reason_of(bytes_of(claim), {.max_pixels = 59'999}), HasSubstr("its 300 by 200 pixels are more"));
  EXPECT_EQ(reason_of(bytes_of(claim), {.max_pixels = 60'000}), "");
  const auto jpeg = image::encode(quarters(300, 200), Format::kJpeg);
  EXPECT_THAT(reason_of(jpeg, {.max_pixels = 59'999, .least = {10, 10}}), HasSubstr("max_pixels"));
}

TEST(ImageCodec, RefusesAFileThatIsCutOffAnywhere) {
  for (const Format format : {Format::kPng, Format::kJpeg}) {
    const Picture picture = quarters(24, 16);
    const auto whole = image::encode(picture, format);
    const auto pixels = image::decode(whole, kAll).pixels;
    for (std::size_t size = 0; size < whole.size(); ++size) {
      std::optional<Picture> decoded;
      try {
        decoded = image::decode(image::Bytes(whole).first(size), kAll);
      } catch (const std::runtime_error&) {
        continue;
      }
      // A PNG's pixels are whole before its end is.
      EXPECT_EQ(format, Format::kPng) << size;
      EXPECT_EQ(decoded->pixels, pixels) << size;
    }
  }
}

TEST(ImageCodec, SurvivesAnyBytes) {
  constexpr unsigned kSeed = 20261120;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937 random(kSeed);
  const std::vector<std::string> files{std::string(text_of(image::encode(quarters(24, 16, 4), Format::kPng))),
                                       std::string(text_of(image::encode(quarters(24, 16), Format::kJpeg))),
                                       plugin_tests::jpeg_with_orientation(quarters(24, 16), 6)};
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = files[random() % files.size()];
    for (auto changes = 1 + random() % 4; changes > 0; --changes) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    try {
      const auto size = image::header_of(bytes_of(bytes)).size;
      const auto picture = image::decode(bytes_of(bytes), {.max_pixels = 100'000});
      EXPECT_EQ(picture.size, size) << i;
      EXPECT_EQ(picture.pixels.size(), std::size_t{size.width} * size.height * picture.channels) << i;
    } catch (const std::runtime_error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

TEST(ImageScaling, AveragesLightNotNumbers) {
  Picture stripes({64, 64}, 3);
  for (std::size_t i = 0; i < stripes.pixels.size(); ++i) stripes.pixels[i] = (i / 3) % 2 == 0 ? 0 : 255;
  const Picture grey = image::scaled(stripes, {8, 8});
  // Half of the light is 188 of sRGB's 255, not 127.
  EXPECT_THAT(grey.pixels, Each(AllOf(Ge(168), Le(208))));
}

TEST(ImageScaling, TransparentPixelsDoNotColourTheirNeighbours) {
  Picture picture({2, 1}, 4);
  picture.pixels = {255, 0, 0, 255, 0, 255, 0, 0};  // red, and a green that is not to be seen
  const Picture one = image::scaled(picture, {1, 1});
  EXPECT_GT(one.pixels[0], 250);
  EXPECT_EQ(one.pixels[1], 0);
  EXPECT_NEAR(one.pixels[3], 128, 2);
}

TEST(ImageScaling, GivesTheSizeThatIsAskedForUpAndDown) {
  const Picture picture = quarters(30, 20);
  for (const Size size : {Size{1, 1}, Size{1, 200}, Size{300, 1}, Size{30, 20}, Size{90, 61}}) {
    const Picture result = image::scaled(picture, size);
    EXPECT_EQ(result.size, size);
    EXPECT_EQ(result.pixels.size(), std::size_t{3} * size.width * size.height);
  }
  EXPECT_EQ(corners(image::scaled(picture, {90, 61})), "gbrb");
}

}  // namespace
