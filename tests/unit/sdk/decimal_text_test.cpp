// Doubles written in decimal by constexpr code: whoever reads the text gets the same double.
#include <gtest/gtest.h>

#include <bulkhead/sdk/decimal_text.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

namespace bulkhead::sdk {
namespace {

std::string written(double value) {
  NoteText counter(nullptr, true);
  write_decimal(counter, value);
  std::string text(counter.size(), '\0');
  NoteText writer(text.data(), false);
  write_decimal(writer, value);
  return text;
}

constexpr bool is_written_at_compile_time() {
  char text[5] = {};
  NoteText writer(text, false);
  write_decimal(writer, -0.25);
  return std::string_view(text, 5) == "-0.25";
}
static_assert(is_written_at_compile_time());

TEST(DecimalText, IsWrittenAsPeopleWouldWhereTheyCan) {
  EXPECT_EQ(written(0), "0.0");
  EXPECT_EQ(written(-0.0), "-0.0");
  EXPECT_EQ(written(1), "1.0");
  EXPECT_EQ(written(-12.5), "-12.5");
  EXPECT_EQ(written(1000000000), "1000000000.0");
  EXPECT_EQ(written(0.001953125), "0.001953125");
  EXPECT_EQ(written(1e18), "1000000000000000000.0");
}

TEST(DecimalText, HasTextsForWhatIsNoNumber) {
  EXPECT_EQ(written(std::numeric_limits<double>::quiet_NaN()), "\"NaN\"");
  EXPECT_EQ(written(std::numeric_limits<double>::infinity()), "\"Infinity\"");
  EXPECT_EQ(written(-std::numeric_limits<double>::infinity()), "\"-Infinity\"");
}

TEST(DecimalText, IsReadAgainAsTheSameDouble) {
  using Limits = std::numeric_limits<double>;
  for (const double value : {0.1, 1.0 / 3, 5e-324, 2.2250738585072011e-308, 2.2250738585072014e-308, 1e300,
                             Limits::max(), Limits::lowest(), Limits::epsilon()}) {
    EXPECT_EQ(std::strtod(written(value).c_str(), nullptr), value) << written(value);
  }
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(std::strtod(written(value).c_str(), nullptr), value) << written(value);
  }
}

}  // namespace
}  // namespace bulkhead::sdk
