#include <bulkhead/sdk/json_text.hpp>

#include <gtest/gtest.h>

namespace bulkhead::sdk {
namespace {

std::string duration_text(std::int64_t nanoseconds) {
  std::string out;
  append_duration(out, nanoseconds);
  return out;
}
std::string base64_text(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

TEST(JsonText, TellsUtf8FromOtherBytes) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("z\xC3\xA9\xE2\x82\xAC\xF0\x9F\x9A\xA2"));
  EXPECT_FALSE(is_utf8("\xE9"));
  EXPECT_FALSE(is_utf8("\xC0\x80"));          // overlong
  EXPECT_FALSE(is_utf8("\xE0\x80\x80"));      // overlong
  EXPECT_FALSE(is_utf8("\xED\xA0\x80"));      // surrogate
  EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));  // beyond U+10FFFF
  EXPECT_FALSE(is_utf8("\xE2\x82"));          // cut
  EXPECT_FALSE(is_utf8("\x80"));
}

TEST(JsonText, CodesBase64WithPadding) {
  EXPECT_EQ(base64_text(""), "");
  EXPECT_EQ(base64_text("f"), "Zg==");
  EXPECT_EQ(base64_text("fo"), "Zm8=");
  EXPECT_EQ(base64_text("foo"), "Zm9v");
  EXPECT_EQ(base64_text("\xff\xfe\xfd\xfc"), "//79/A==");
  for (const std::string_view text : {"", "f", "fo", "foo", "foob", "\xff\xfe\xfd\xfc"}) {
    EXPECT_EQ(decode_base64(base64_text(text)), text);
  }
}

TEST(JsonText, RefusesWhatIsNotBase64) {
  for (const char* text : {"Z", "Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm 9", "Zm9*"}) {
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
  }
}

TEST(JsonText, WritesDurationsInSeconds) {
  EXPECT_EQ(duration_text(0), "0s");
  EXPECT_EQ(duration_text(1'500'000'000), "1.5s");
  EXPECT_EQ(duration_text(-1), "-0.000000001s");
  EXPECT_EQ(duration_text(std::numeric_limits<std::int64_t>::min()), "-9223372036.854775808s");
}

TEST(JsonText, ReadsDurationsInAnyUnitExactly) {
  EXPECT_EQ(parse_duration("1.5s"), 1'500'000'000);
  EXPECT_EQ(parse_duration("250ms"), 250'000'000);
  EXPECT_EQ(parse_duration("7us"), 7'000);
  EXPECT_EQ(parse_duration("3ns"), 3);
  EXPECT_EQ(parse_duration("10m"), 600'000'000'000);
  EXPECT_EQ(parse_duration("-2h"), -7'200'000'000'000);
  EXPECT_EQ(parse_duration("0.100ms"), 100'000);
  EXPECT_EQ(parse_duration("-9223372036.854775808s"), std::numeric_limits<std::int64_t>::min());
}

TEST(JsonText, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "5", "s", "1.s", ".5s", "1..5s", "1.5.5s", "--1s", "1e3s", "1 s", "1.5ns",
                           "9223372036.854775808s", "99999999999999999999999999999999999999999h", "0x1s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace bulkhead::sdk
