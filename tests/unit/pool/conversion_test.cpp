// Encoding values as declared types, without any process.
#include "bulkhead/detail/conversion.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <set>
#include <vector>

namespace bulkhead::detail {
namespace {

TypeDesc type(const std::string& text) { return parse_signature("(" + text + ")->void").parameters[0]; }

// `value` sent as `declared`, read as the T that is declared.
template <class T, class From>
T sent(const std::string& declared, const From& value) {
  const TypeDesc desc = type(declared);
  EXPECT_TRUE(can_send<From>(desc)) << declared;
  sdk::BufferSink sink;
  send(sink, desc, value);
  T received{};
  sdk::read(sink.bytes(), received);
  return received;
}
template <class From>
bool fits(const std::string& declared, const From& value) {
  sdk::BufferSink sink;
  try {
    send(sink, type(declared), value);
    return true;
  } catch (const DoesNotFit&) {
    return false;
  }
}

TEST(IntegerConversion, KeepsEveryValueThatFits) {
  EXPECT_EQ(sent<std::int8_t>("i8", std::int64_t{-128}), -128);
  EXPECT_EQ(sent<std::uint64_t>("u64", std::numeric_limits<std::int64_t>::max()), std::uint64_t{1} * INT64_MAX);
  EXPECT_EQ(sent<std::int64_t>("i64", std::uint8_t{255}), 255);
}

TEST(IntegerConversion, RefusesEveryValueJustBeyondEachLimit) {
  const auto check = [](const std::string& name, std::int64_t least, std::int64_t most) {
    EXPECT_TRUE(fits(name, least)) << name;
    EXPECT_TRUE(fits(name, most)) << name;
    EXPECT_FALSE(fits(name, least - 1)) << name;
    EXPECT_FALSE(fits(name, most + 1)) << name;
  };
  check("i8", -128, 127);
  check("i16", -32768, 32767);
  check("i32", INT32_MIN, INT32_MAX);
  check("u8", 0, 255);
  check("u16", 0, 65535);
  check("u32", 0, UINT32_MAX);
  EXPECT_FALSE(fits("u64", std::int64_t{-1}));
  EXPECT_FALSE(fits("i64", std::uint64_t{1} << 63));
}

TEST(FloatConversion, TakesExactIntegersOnly) {
  for (int shift = 0; shift < 63; ++shift) {
    const std::int64_t power = std::int64_t{1} << shift;
    EXPECT_EQ(sent<double>("f64", power), static_cast<double>(power));
    EXPECT_EQ(sent<float>("f32", -power), -static_cast<float>(power));
    EXPECT_EQ(fits("f64", power + 1), shift <= 53 && (shift != 53)) << shift;
    EXPECT_EQ(fits("f32", power + 1), shift < 24) << shift;
  }
  EXPECT_FALSE(fits("f64", INT64_MAX));
  EXPECT_TRUE(fits("f64", INT64_MIN));
  EXPECT_FALSE(fits("f64", UINT64_MAX));
  EXPECT_TRUE(fits("f64", std::uint64_t{1} << 63));
  EXPECT_TRUE(fits("f32", UINT64_MAX - (UINT64_MAX >> 24)));
  EXPECT_FALSE(fits("f32", UINT64_MAX));
}

TEST(FloatConversion, WidensAndNeverNarrows) {
  EXPECT_EQ(sent<double>("f64", 0.1f), static_cast<double>(0.1f));
  EXPECT_FALSE(can_send<double>(type("f32")));
  EXPECT_FALSE(can_send<double>(type("i64")));
  EXPECT_FALSE(can_send<float>(type("i64")));
}

TEST(Conversion, KeepsTruthValuesAndCharactersApartFromNumbers) {
  for (const char* number : {"i8", "u8", "i64", "f32", "f64"}) {
    EXPECT_FALSE(can_send<bool>(type(number)));
    EXPECT_FALSE(can_send<char>(type(number)));
  }
  EXPECT_FALSE(can_send<int>(type("bool")));
  EXPECT_FALSE(can_send<int>(type("char")));
  EXPECT_FALSE(can_send<bool>(type("char")));
  EXPECT_TRUE(can_send<bool>(type("bool")));
  EXPECT_TRUE(can_send<bool>(type("optional<bool>")));
  EXPECT_TRUE(can_send<char>(type("char")));
}

TEST(Conversion, SendsTextAsStrPathAndBytes) {
  EXPECT_EQ(sent<std::string>("str", std::string_view("abc")), "abc");
  EXPECT_EQ(sent<std::string>("str", std::filesystem::path("/a")), "/a");
  EXPECT_EQ(sent<std::filesystem::path>("path", std::string("/a")), "/a");
  EXPECT_EQ(sent<std::vector<char>>("bytes", std::string("ab")), (std::vector<char>{'a', 'b'}));
  EXPECT_FALSE(can_send<std::filesystem::path>(type("bytes")));
  EXPECT_FALSE(can_send<std::vector<char>>(type("str")));
  EXPECT_FALSE(can_send<std::string>(type("char")));
  EXPECT_FALSE(can_send<std::string>(type("list<char>")));
  EXPECT_FALSE(can_send<std::nullptr_t>(type("str")));
}

TEST(Conversion, GoesElementByElement) {
  EXPECT_EQ(sent<std::vector<std::int64_t>>("list<i64>", std::list<std::uint8_t>{1, 2}),
            (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(sent<std::vector<bool>>("list<bool>", std::deque<bool>{true, false}), (std::vector<bool>{true, false}));
  EXPECT_EQ((sent<std::map<std::string, double>>("map<str,f64>", std::map<std::string, int>{{"a", 1}})),
            (std::map<std::string, double>{{"a", 1.0}}));
  EXPECT_EQ((sent<std::tuple<std::int64_t, double>>("tuple<i64,f64>", std::pair(1, 2))),
            (std::tuple<std::int64_t, double>(1, 2.0)));
  EXPECT_EQ((sent<std::optional<std::vector<std::int64_t>>>("optional<list<i64>>", std::vector<int>{3})),
            std::optional(std::vector<std::int64_t>{3}));
  EXPECT_EQ((sent<std::vector<std::optional<std::int64_t>>>("list<optional<i64>>", std::vector<int>{3})),
            (std::vector<std::optional<std::int64_t>>{3}));
  EXPECT_FALSE((can_send<std::tuple<int>>(type("tuple<i64,i64>"))));
  EXPECT_FALSE((can_send<std::vector<double>>(type("list<f32>"))));
  EXPECT_FALSE((can_send<std::map<std::string, double>>(type("map<str,i64>"))));
  EXPECT_FALSE((can_send<std::optional<int>>(type("i64"))));
}

TEST(ResultConversion, WidensByTypeOnly) {
  const auto widens = []<class R>(R, std::initializer_list<const char*> from,
                                  std::initializer_list<const char*> not_from) {
    for (const char* declared : from) EXPECT_TRUE(can_receive<R>(type(declared))) << declared;
    for (const char* declared : not_from) EXPECT_FALSE(can_receive<R>(type(declared))) << declared;
  };
  widens(std::int64_t{}, {"i8", "i16", "i32", "i64", "u8", "u16", "u32"},
         {"u64", "f32", "f64", "bool", "char", "str", "void"});
  widens(std::int8_t{}, {"i8"}, {"u8", "i16"});
  widens(std::uint16_t{}, {"u8", "u16"}, {"i8", "i16", "u32"});
  widens(double{}, {"f32", "f64", "i32", "u32"}, {"i64", "u64", "bool"});
  widens(float{}, {"f32", "i16", "u16"}, {"i32", "u32", "f64"});
  widens(std::string{}, {"str"}, {"path", "bytes"});
  widens(bool{}, {"bool"}, {"u8"});
}

TEST(ResultConversion, RefusesBytesThatAreTooFewOrTooMany) {
  const std::vector<std::byte> bytes(3);
  EXPECT_THROW((void)receive<std::int64_t>(bytes, type("i64")), sdk::DecodeError);
  EXPECT_THROW((void)receive<std::int64_t>(bytes, type("i16")), sdk::DecodeError);
  EXPECT_THROW((void)receive<std::string>(bytes, type("str")), sdk::DecodeError);
}

}  // namespace
}  // namespace bulkhead::detail
