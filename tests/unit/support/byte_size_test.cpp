#include "support/byte_size.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace bulkhead::support {
namespace {

TEST(ByteSize, ReadsEveryUnit) {
  EXPECT_EQ(parse_byte_size("7B").value, 7U);
  EXPECT_EQ(parse_byte_size("64KiB").value, 65'536U);
  EXPECT_EQ(parse_byte_size("512MiB").value, 536'870'912U);
  EXPECT_EQ(parse_byte_size("2GiB").value, 2'147'483'648U);
  EXPECT_EQ(parse_byte_size("1TiB").value, 1'099'511'627'776U);
}

TEST(ByteSize, ReadsZeroAndABlankBeforeTheUnit) {
  EXPECT_EQ(parse_byte_size("0B").value, 0U);
  EXPECT_EQ(parse_byte_size("64 KiB").value, 65'536U);
}

TEST(ByteSize, ReadsFractionsThatAreWholeBytes) {
  EXPECT_EQ(parse_byte_size("1.5KiB").value, 1'536U);
  EXPECT_EQ(parse_byte_size("0.250MiB").value, 262'144U);
}

TEST(ByteSize, RefusesPartsOfBytes) {
  const auto parsed = parse_byte_size("0.3B");
  EXPECT_FALSE(parsed.value);
  EXPECT_EQ(parsed.problem, "\"0.3B\" is not a whole number of bytes");
  EXPECT_FALSE(parse_byte_size("1.0000000000000000001GiB").value);
}

TEST(ByteSize, TellsWhichUnitToAddToABareNumber) {
  const auto parsed = parse_byte_size("512");
  EXPECT_FALSE(parsed.value);
  EXPECT_EQ(parsed.problem, "\"512\" has no unit");
  EXPECT_EQ(parsed.help, "add one: \"512B\", \"512KiB\" or \"512MiB\"");
}

TEST(ByteSize, RefusesDecimalAndShortUnitsAndOffersTheBinaryOne) {
  for (const char* text : {"512MB", "512M", "512mb", "512mib"}) {
    const auto parsed = parse_byte_size(text);
    EXPECT_FALSE(parsed.value) << text;
    EXPECT_EQ(parsed.help, "write \"512MiB\"") << text;
  }
}

TEST(ByteSize, RefusesWhatIsNoSize) {
  for (const char* text :
       {"", "MiB", "-1MiB", " 1MiB", "1MiB ", "1..5MiB", ".5MiB", "1.MiB", "0x10B", "1e3B", "+1B", "1MiB2", "one"}) {
    const auto parsed = parse_byte_size(text);
    EXPECT_FALSE(parsed.value) << text;
    EXPECT_FALSE(parsed.problem.empty()) << text;
  }
}

TEST(ByteSize, ReadsTheLargestNumberAndRefusesTheNext) {
  EXPECT_EQ(parse_byte_size("18446744073709551615B").value, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(parse_byte_size("18446744073709551616B").problem, "\"18446744073709551616B\" is too large");
  EXPECT_FALSE(parse_byte_size("16777216TiB").value);
}

TEST(ByteSize, IsWrittenInTheLargestExactUnit) {
  EXPECT_EQ(byte_size_text(0), "0B");
  EXPECT_EQ(byte_size_text(1'023), "1023B");
  EXPECT_EQ(byte_size_text(1'536), "1536B");
  EXPECT_EQ(byte_size_text(65'536), "64KiB");
  EXPECT_EQ(byte_size_text(3ULL << 40), "3TiB");
}

TEST(ByteSize, IsReadBackAsWritten) {
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{4'096}, std::uint64_t{12'345'678},
                                    std::uint64_t{1} << 63, std::numeric_limits<std::uint64_t>::max()}) {
    EXPECT_EQ(parse_byte_size(byte_size_text(bytes)).value, bytes);
  }
}

}  // namespace
}  // namespace bulkhead::support
