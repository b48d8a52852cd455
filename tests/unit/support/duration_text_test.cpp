#include "support/duration_text.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace bulkhead::support {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

TEST(DurationText, ReadsEveryUnit) {
  EXPECT_EQ(parse_duration("7ns").value, 7ns);
  EXPECT_EQ(parse_duration("20us").value, 20us);
  EXPECT_EQ(parse_duration("250ms").value, 250ms);
  EXPECT_EQ(parse_duration("5s").value, 5s);
  EXPECT_EQ(parse_duration("10m").value, 10min);
  EXPECT_EQ(parse_duration("1h").value, 1h);
}

TEST(DurationText, ReadsExactFractions) {
  EXPECT_EQ(parse_duration("1.5s").value, 1'500ms);
  EXPECT_EQ(parse_duration("0.1s").value, 100ms);
  EXPECT_EQ(parse_duration("0.5h").value, 30min);
  EXPECT_EQ(parse_duration("0s").value, 0s);
}

TEST(DurationText, RefusesPartsOfNanoseconds) {
  EXPECT_EQ(parse_duration("0.5ns").problem, "\"0.5ns\" is not a whole number of nanoseconds");
}

TEST(DurationText, TellsWhichUnitToAddToABareNumber) {
  const auto parsed = parse_duration("5");
  EXPECT_FALSE(parsed.value);
  EXPECT_EQ(parsed.problem, "\"5\" has no unit");
  EXPECT_EQ(parsed.help, "add one: \"5ms\", \"5s\" or \"5m\"");
}

TEST(DurationText, OffersTheUnitThatWasMeant) {
  EXPECT_EQ(parse_duration("5min").help, "write \"5m\"");
  EXPECT_EQ(parse_duration("5sec").help, "write \"5s\"");
  EXPECT_EQ(parse_duration("5 seconds").help, "write \"5s\"");
  EXPECT_EQ(parse_duration("20µs").help, "write \"20us\"");
  EXPECT_EQ(parse_duration("5d").help, "units are ns, us, ms, s, m, h");
}

TEST(DurationText, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "s", "-5s", " 5s", "5s ", "1h30m", "5..5s", "nan", "inf"}) {
    const auto parsed = parse_duration(text);
    EXPECT_FALSE(parsed.value) << text;
    EXPECT_FALSE(parsed.problem.empty()) << text;
  }
}

TEST(DurationText, SaturatesToForEver) {
  EXPECT_EQ(parse_duration("9223372036854775807ns").value, nanoseconds::max());
  EXPECT_EQ(parse_duration("9223372036854775808ns").value, nanoseconds::max());
  EXPECT_EQ(parse_duration("99999999999999999999999h").value, nanoseconds::max());
}

TEST(DurationText, IsWrittenInTheLargestExactUnit) {
  EXPECT_EQ(duration_text(0s), "0s");
  EXPECT_EQ(duration_text(90s), "90s");
  EXPECT_EQ(duration_text(120s), "2m");
  EXPECT_EQ(duration_text(1'500ms), "1500ms");
  EXPECT_EQ(duration_text(-5s), "-5s");
  EXPECT_EQ(duration_text(nanoseconds::max()), "for ever");
  EXPECT_EQ(duration_text(nanoseconds::min()), "-9223372036854775808ns");
}

TEST(DurationText, IsReadBackAsWritten) {
  for (const nanoseconds duration :
       {nanoseconds(0), nanoseconds(1), nanoseconds(1'234'567'891), nanoseconds(36h), nanoseconds::max() - 1ns}) {
    EXPECT_EQ(parse_duration(duration_text(duration)).value, duration);
  }
}

}  // namespace
}  // namespace bulkhead::support
