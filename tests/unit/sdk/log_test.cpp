#include <bulkhead/sdk/log.hpp>
#include <bulkhead/spdlog.hpp>

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <utility>
#include <vector>

namespace bulkhead {
namespace {

struct Celsius {
  double degrees;
  friend std::ostream& operator<<(std::ostream& out, const Celsius& c) { return out << c.degrees << " C"; }
};
struct Unprintable {
  friend std::ostream& operator<<(std::ostream&, const Unprintable&) { throw std::runtime_error("no"); }
};
enum class Colour { kRed, kGreen };

using Lines = std::vector<std::pair<int, std::string>>;

bulkhead_host host_into(Lines& lines) {
  bulkhead_host host = {};
  host.size = sizeof host;
  host.self = &lines;
  host.log = [](void* self, std::int32_t level, const char* text, std::size_t size) {
    static_cast<Lines*>(self)->emplace_back(level, std::string(text, size));
  };
  return host;
}

TEST(FormatText, TakesEveryKindOfValue) {
  EXPECT_EQ(sdk::format_text("{} {} {} {}", "text", std::string("more"), std::string_view("view"), 'c'),
            "text more view c");
  EXPECT_EQ(sdk::format_text("{} {} {} {}", -5, 2.5, true, std::uint8_t{7}), "-5 2.5 true 7");
  EXPECT_EQ(sdk::format_text("{} {}", Colour::kGreen, Celsius{36.5}), "1 36.5 C");
}

TEST(FormatText, KeepsBracesThatAreDoubledOrHaveNoArgument) {
  EXPECT_EQ(sdk::format_text("{{}} {} {}", 1), "{} 1 {}");
  EXPECT_EQ(sdk::format_text("{", 1), "{");
  EXPECT_EQ(sdk::format_text("", 1), "");
}

TEST(Log, HandsOverLevelAndText) {
  Lines lines;
  const bulkhead_host host = host_into(lines);
  const Log log(&host);
  log.trace("a");
  log.info("b {}", 1);
  log.critical("c");
  EXPECT_EQ(lines, (Lines{{BULKHEAD_LOG_TRACE, "a"}, {BULKHEAD_LOG_INFO, "b 1"}, {BULKHEAD_LOG_CRITICAL, "c"}}));
}

TEST(Log, DropsLinesWithoutAHost) { Log(nullptr).error("nobody hears {}", 1); }

TEST(Log, LogsTheFormatWhenAValueCannotBePrinted) {
  Lines lines;
  const bulkhead_host host = host_into(lines);
  Log(&host).warn("value {}", Unprintable{});
  EXPECT_EQ(lines, (Lines{{BULKHEAD_LOG_WARN, "value {}"}}));
}

TEST(SpdlogLogger, WritesToTheLogAndStaysOutOfTheRegistry) {
  Lines lines;
  const bulkhead_host host = host_into(lines);
  const auto logger = spdlog_logger(Log(&host), "mine");
  logger->debug("read {} of {}", 1, "x");
  logger->error("bad");
  EXPECT_EQ(lines, (Lines{{BULKHEAD_LOG_DEBUG, "read 1 of x"}, {BULKHEAD_LOG_ERROR, "bad"}}));
  EXPECT_EQ(spdlog::get("mine"), nullptr);
}

}  // namespace
}  // namespace bulkhead
