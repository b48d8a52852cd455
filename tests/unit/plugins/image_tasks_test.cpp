#include "image/image_tasks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>

#include "unit/plugins/picture_maker.hpp"
#include "unit/plugins/scratch_folder.hpp"

namespace {

namespace fs = std::filesystem;
using image::Format;
using image::Size;
using plugin_tests::quarters;
using plugin_tests::ScratchFolder;
using plugin_tests::text_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Thumbnails in a folder of the test's.
class ImageTasks : public ::testing::Test {
 protected:
  [[nodiscard]] fs::path picture(const std::string& name, Format format, Size size, std::uint32_t channels = 3) const {
    return folder_.write(name, text_of(image::encode(quarters(size.width, size.height, channels), format)));
  }
  [[nodiscard]] image::Thumbnail thumbnail(const fs::path& file, std::uint32_t size) const {
    return image::thumbnail(file, size, {}, settings_);
  }
  [[nodiscard]] static std::string contents(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  template <class Error, class Work>
  [[nodiscard]] static std::string thrown(Work work) {
    try {
      work();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  ScratchFolder folder_;
  image::Settings settings_{.max_pixels = 1'000'000, .output = folder_.path() / "small"};
};

TEST_F(ImageTasks, AThumbnailIsThePictureWithItsLongerSideInTheSize) {
  for (const Format format : {Format::kPng, Format::kJpeg}) {
    const auto file = picture("wide", format, {400, 300});
    const auto made = thumbnail(file, 100);
    EXPECT_EQ(made.file, settings_.output / file.relative_path());
    EXPECT_EQ(made.width, 100u);
    EXPECT_EQ(made.height, 75u);
    const std::string bytes = contents(made.file);
    EXPECT_EQ(made.bytes, bytes.size());
    const auto small = image::decode(plugin_tests::bytes_of(bytes), {.max_pixels = 10'000});
    EXPECT_EQ(small.size, (Size{100, 75}));
    EXPECT_EQ(image::format_of(plugin_tests::bytes_of(bytes)), format);
    EXPECT_EQ(plugin_tests::corners(small), "gbrb");
  }
  EXPECT_EQ(thumbnail(picture("high", Format::kPng, {10, 400}), 100).height, 100u);
  EXPECT_EQ(thumbnail(picture("thin", Format::kPng, {1, 400}), 4).width, 1u);
}

TEST_F(ImageTasks, AThumbnailIsNeverLargerThanThePicture) {
  const auto made = thumbnail(picture("small.png", Format::kPng, {20, 10}), 100);
  EXPECT_EQ(made.width, 20u);
  EXPECT_EQ(made.height, 10u);
}

TEST_F(ImageTasks, AThumbnailIsUpright) {
  const auto file = folder_.write("held", plugin_tests::jpeg_with_orientation(quarters(400, 200), 6));
  const auto made = thumbnail(file, 100);
  EXPECT_EQ(made.width, 50u);
  EXPECT_EQ(made.height, 100u);
  const auto small = image::decode(plugin_tests::bytes_of(contents(made.file)), {.max_pixels = 10'000});
  EXPECT_EQ(plugin_tests::corners(small), "rgbb");
}

TEST_F(ImageTasks, AThumbnailHasTheFormatOfItsName) {
  const auto png = picture("p", Format::kPng, {40, 30}, 4);
  const auto format_of = [&](const std::string& name) {
    const auto made = image::thumbnail(png, 10, folder_.path() / "out" / name, settings_);
    EXPECT_EQ(made.file, folder_.path() / "out" / name);
    return image::format_of(plugin_tests::bytes_of(contents(made.file)));
  };
  EXPECT_EQ(format_of("x.png"), Format::kPng);
  EXPECT_EQ(format_of("x.jpg"), Format::kJpeg);
  EXPECT_EQ(format_of("deeper/x.JPEG"), Format::kJpeg);
  EXPECT_EQ(format_of("x"), Format::kPng);
  EXPECT_EQ(format_of("x.thumbnail"), Format::kPng);
}

TEST_F(ImageTasks, AThumbnailStaysInItsFolderWhateverThePathIs) {
  const auto file = picture("p.png", Format::kPng, {4, 4});
  const auto from_here = fs::proximate(file);
  ASSERT_EQ(*from_here.begin(), "..") << from_here;
  EXPECT_EQ(thumbnail(from_here, 2).file, settings_.output / file.relative_path());
  fs::create_directory(folder_.path() / "sub");
  EXPECT_EQ(thumbnail(folder_.path() / "sub" / ".." / "p.png", 2).file, settings_.output / file.relative_path());
}

TEST_F(ImageTasks, AThumbnailReplacesAnOlderOneButNeverThePictureItself) {
  const auto file = picture("p.png", Format::kPng, {40, 30});
  const auto target = folder_.write("t.png", "an older one");
  ::umask(022);
  const auto made = image::thumbnail(file, 10, target, settings_);
  EXPECT_EQ(made.bytes, contents(target).size());
  EXPECT_EQ(fs::status(target).permissions(), fs::perms(0644));
  const std::string before = contents(file);
  fs::create_hard_link(file, folder_.path() / "same.png");
  for (const auto& itself : {file, folder_.path() / "same.png", folder_.path() / "." / "p.png"}) {
    EXPECT_THAT(thrown<std::invalid_argument>([&] { (void)image::thumbnail(file, 10, itself, settings_); }),
                HasSubstr("replace the picture itself"));
  }
  EXPECT_EQ(contents(file), before);
}

TEST_F(ImageTasks, AThumbnailThatCannotBeMadeLeavesNothingBehind) {
  const auto whole = image::encode(quarters(64, 64), Format::kJpeg);
  const auto broken = folder_.write("broken.jpg", text_of(whole).substr(0, whole.size() / 2));
  EXPECT_THAT(thrown<std::runtime_error>([&] { (void)thumbnail(broken, 10); }),
              AllOf(HasSubstr("cannot use \"" + broken.string() + "\" as a picture: libjpeg says")));
  const auto large = picture("large.png", Format::kPng, {1001, 1000});
  EXPECT_THAT(thrown<std::runtime_error>([&] { (void)thumbnail(large, 10); }), HasSubstr("max_pixels"));
  EXPECT_THAT(thrown<std::system_error>([&] { (void)thumbnail(folder_.path() / "gone", 10); }), HasSubstr("gone"));
  EXPECT_THROW((void)thumbnail(folder_.path(), 10), std::system_error);
  EXPECT_THROW((void)thumbnail(large, 0), std::invalid_argument);
  EXPECT_FALSE(fs::exists(settings_.output));

  const auto good = picture("good.png", Format::kPng, {4, 4});
  EXPECT_THAT(thrown<std::system_error>([&] { (void)image::thumbnail(good, 2, good / "x.png", settings_); }),
              HasSubstr("cannot write"));
  fs::create_directory(folder_.path() / "taken.png");
  EXPECT_THAT(
      thrown<std::system_error>([&] { (void)image::thumbnail(good, 2, folder_.path() / "taken.png", settings_); }),
      HasSubstr("cannot write"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 4);  // the three pictures and taken.png
}

TEST_F(ImageTasks, ResizesToExactlyTheSizeAndKeepsTheFormat) {
  for (const Format format : {Format::kPng, Format::kJpeg}) {
    const auto bytes = image::encode(quarters(40, 20), format);
    const auto size_of = [&](std::uint32_t width, std::uint32_t height) {
      const auto header = image::header_of(image::resize(bytes, width, height, settings_));
      EXPECT_EQ(header.format, format);
      return header.size;
    };
    EXPECT_EQ(size_of(10, 10), (Size{10, 10}));
    EXPECT_EQ(size_of(10, 0), (Size{10, 5}));
    EXPECT_EQ(size_of(0, 100), (Size{200, 100}));
  }
}

TEST_F(ImageTasks, RefusesSizesThatMakeNoSense) {
  const auto bytes = image::encode(quarters(40, 20), Format::kPng);
  EXPECT_THROW((void)image::resize(bytes, 0, 0, settings_), std::invalid_argument);
  EXPECT_THROW((void)image::resize(bytes, 65501, 1, settings_), std::invalid_argument);
  EXPECT_THAT(thrown<std::runtime_error>([&] { (void)image::resize(bytes, 2000, 1000, settings_); }),
              HasSubstr("2000 by 1000 pixels are more"));
  EXPECT_THAT(thrown<std::runtime_error>([&] { (void)image::resize(bytes, 0, 40000, settings_); }),
              HasSubstr("more than 65500"));
  EXPECT_THAT(thrown<std::runtime_error>([&] { (void)image::resize({}, 1, 1, settings_); }),
              HasSubstr("cannot use these bytes as a picture: it is empty"));
}

TEST_F(ImageTasks, InfoTellsWhatTheHeaderSays) {
  const auto file = picture("p", Format::kPng, {2000, 1000}, 4);
  const auto info = image::info(file);
  EXPECT_EQ(info.format, "png");
  EXPECT_EQ(info.width, 2000u);
  EXPECT_EQ(info.height, 1000u);
  EXPECT_TRUE(info.has_alpha);
  EXPECT_EQ(info.bytes, fs::file_size(file));
  EXPECT_EQ(image::info(folder_.write("j", plugin_tests::jpeg_with_orientation(quarters(64, 32), 8))).height, 64u);
  EXPECT_THAT(thrown<std::runtime_error>([&] { (void)image::info(folder_.write("t", "text")); }),
              HasSubstr("neither PNG nor JPEG"));
}

}  // namespace
