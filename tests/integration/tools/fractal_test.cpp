// bulkhead-fractal, the example of a host: what it draws, and what it says when it cannot.
#include <array>

#include "command_fixture.hpp"
#include "png_file.hpp"

namespace bulkhead::test {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class FractalTest : public CommandTest {
 protected:
  [[nodiscard]] ProgramRun draw(std::vector<std::string> words) const {
    words.insert(words.begin(), BULKHEAD_FRACTAL_PROGRAM);
    return run_program(words);
  }
};

TEST_F(FractalTest, DrawsTheSamePictureWithOneWorkerAndWithTwo) {
  for (const std::string workers : {"1", "2"}) {
    const auto done = draw({"--width", "701", "--height", "301", "--workers", workers, "-o", path(workers)});
    ASSERT_EQ(done.ended.exit_code, 0) << done.err;
    EXPECT_THAT(done.err, HasSubstr("701 x 301 pixels"));
    EXPECT_EQ(done.out, "");
  }
  const auto picture = decode_png(path("1"));
  ASSERT_TRUE(picture);
  EXPECT_EQ(picture->width, 701u);
  EXPECT_EQ(picture->height, 301u);
  // In the set: the middle, where its two largest parts meet. Not in the set: the corners, which are all alike.
  EXPECT_EQ(picture->at(350, 150), (std::array{0, 0, 0}));
  EXPECT_NE(picture->at(0, 0), (std::array{0, 0, 0}));
  EXPECT_EQ(picture->at(0, 0), picture->at(0, 300));
  EXPECT_EQ(read_file(path("1")), read_file(path("2")));
}

TEST_F(FractalTest, ShowsTheSpeedUpOfEachNumberOfWorkers) {
  const auto done = draw({"--width", "300", "--height", "200", "--workers", "3", "--speed-up"});
  ASSERT_EQ(done.ended.exit_code, 0) << done.err;
  const auto lines = lines_of(done.out);
  ASSERT_EQ(lines.size(), 4u) << done.out;
  EXPECT_THAT(lines[1], MatchesRegex(" +1 +[0-9.]+ +1\\.00"));
  EXPECT_THAT(lines[2], MatchesRegex(" +2 +[0-9.]+ +[0-9.]+"));
  EXPECT_THAT(lines[3], MatchesRegex(" +3 +[0-9.]+ +[0-9.]+"));
}

TEST_F(FractalTest, SaysWhatIsWrong) {
  expect_one_error(draw({"--width", "0"}), 2, "--width");
  expect_one_error(draw({"--center", "1"}), 2, "--center");
  expect_one_error(draw({"--zoom", "1e15", "-o", path("x")}), 2, "double precision");
  expect_one_error(draw({"--plugin", path("none.so")}), 3, "none.so");
  expect_one_error(draw({"-o", path("none/x.png")}), 4, "cannot write \"" + path("none/x.png") + "\": No such file");
  expect_one_error(draw({"-o", "/dev/full"}), 4, "No space left on device");
}

TEST_F(FractalTest, LeavesNoFileThatIsNotWhole) {
  write("x.png", "another picture");
  ASSERT_EQ(draw({"--zoom", "1e15", "-o", path("x.png")}).ended.exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(path("x.png")));
}

}  // namespace
}  // namespace bulkhead::test
