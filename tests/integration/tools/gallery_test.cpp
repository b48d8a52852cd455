// What the README of the plugins shows, through the command: thumbnails of a folder, lines that match.
#include "command_fixture.hpp"
#include "png_file.hpp"

namespace bulkhead::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

class GalleryTest : public CommandTest {
 protected:
  // In the test's folder, as a user would be; the program is given by a path that does not depend on it.
  [[nodiscard]] ProgramRun run_here(std::vector<std::string> arguments) const {
    std::vector<std::string> words{"/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", path("."), BULKHEAD_PROGRAM};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return run_program(words);
  }
};

TEST_F(GalleryTest, MakesThumbnailsOfAFolderOfPicturesAndTellsWhichAreBroken) {
  const std::string red = png_of(300, 200, {255, 0, 0});
  write("photos/broken.png", red.substr(0, red.size() / 2));
  write("photos/notes.txt", "no picture");
  write("photos/red.png", red);
  write("photos/sub/blue.png", png_of(20, 30, {0, 0, 255}));
  const auto done = run_here({"map", "--files", "photos", "image.thumbnail", "{}", "128"});
  EXPECT_EQ(done.ended.exit_code, 1);
  EXPECT_THAT(done.err, HasSubstr("2 of 4 items failed (TaskError 2), first \"photos/broken.png\""));
  EXPECT_THAT(
      lines_of(done.out),
      ElementsAre(AllOf(HasSubstr(R"({"item":"photos/broken.png","error":)"), HasSubstr("libpng says")),
                  AllOf(HasSubstr(R"({"item":"photos/notes.txt","error":)"), HasSubstr("neither PNG nor JPEG")),
                  HasSubstr(R"("result":{"file":"thumbnails/photos/red.png","width":128,"height":85,"bytes":)"),
                  HasSubstr(R"("result":{"file":"thumbnails/photos/sub/blue.png","width":20,"height":30,"bytes":)")));
  const auto red_thumbnail = decode_png(path("thumbnails/photos/red.png"));
  ASSERT_TRUE(red_thumbnail);
  EXPECT_EQ(red_thumbnail->width, 128u);
  EXPECT_EQ(red_thumbnail->at(127, 84), (std::array{255, 0, 0}));
  EXPECT_TRUE(decode_png(path("thumbnails/photos/sub/blue.png")));
  EXPECT_EQ(std::distance(fs::recursive_directory_iterator(path("thumbnails")), {}), 4);  // two folders, two files
}

TEST_F(GalleryTest, ImagesHeedTheirConfiguration) {
  const std::string manifest =
      write("bulkhead.toml", "[[plugin]]\nname = \"image\"\nconfig = { max_pixels = 600, output = \"elsewhere\" }\n");
  fs::permissions(manifest, fs::perms(0600));
  write("allowed.png", png_of(20, 30, {0, 0, 255}));
  write("large.png", png_of(20, 31, {0, 0, 255}));
  const auto made = run_here({"call", "-m", manifest, "image.thumbnail", "allowed.png", "10"});
  EXPECT_EQ(made.ended.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr(R"("file":"elsewhere/allowed.png","width":7,"height":10)"));
  EXPECT_TRUE(fs::exists(path("elsewhere/allowed.png")));
  expect_one_error(run_here({"call", "-m", manifest, "image.thumbnail", "large.png", "10"}), 1,
                   "20 by 31 pixels are more than the 600");
}

TEST_F(GalleryTest, ResizesWhatComesOnStdin) {
  const auto done = run({"call", "-r", "image.resize", "-", "10", "0"}, png_of(20, 30, {0, 255, 0}));
  EXPECT_EQ(done.ended.exit_code, 0) << done.err;
  const auto small = decode_png(write("small.png", done.out));
  ASSERT_TRUE(small);
  EXPECT_EQ(small->width, 10u);
  EXPECT_EQ(small->height, 15u);
  EXPECT_EQ(small->at(9, 14), (std::array{0, 255, 0}));
}

TEST_F(GalleryTest, TellsTheLinesThatMatchInEachFile) {
  write("notes/a.txt", "milk\neggs\nmilk again\n");
  write("notes/b.txt", "bread\n");
  const auto done = run_here({"map", "--files", "notes", "text.grep", "{}", "^milk"});
  EXPECT_EQ(done.ended.exit_code, 0) << done.err;
  EXPECT_THAT(
      lines_of(done.out),
      ElementsAre(R"({"item":"notes/a.txt","result":[{"line":1,"text":"milk"},{"line":3,"text":"milk again"}]})",
                  R"({"item":"notes/b.txt","result":[]})"));
  expect_one_error(run_here({"call", "text.grep", "notes/a.txt", "(milk"}), 1, "missing ): (milk");
}

}  // namespace
}  // namespace bulkhead::test
