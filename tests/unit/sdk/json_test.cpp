#include <bulkhead/sdk/json_archive.hpp>

#include <gtest/gtest.h>

#include "shared_types.hpp"

namespace bulkhead::sdk {
namespace {

using namespace std::chrono_literals;

template <class T>
std::string json(const T& value) {
  std::string out;
  json_write(out, value);
  return out;
}
template <class T>
T parsed(std::string_view text) {
  T value{};
  json_read(text, value);
  return value;
}
template <class T>
std::string error(std::string_view text) {
  try {
    T value{};
    json_read(text, value, "argument 2");
  } catch (const DecodeError& e) {
    return e.what();
  }
  return "(accepted)";
}
// Writes `value` as `text`, and reads it back.
template <class T>
void expect_form(const T& value, std::string_view text) {
  EXPECT_EQ(json(value), text);
  EXPECT_EQ(parsed<T>(text), value) << text;
}

TEST(Json, WritesAndReadsNaturalForms) {
  expect_form(-5, "-5");
  expect_form(std::numeric_limits<std::uint64_t>::max(), "18446744073709551615");
  expect_form(5.0, "5.0");
  expect_form(0.1F, "0.1");
  expect_form(1e300, "1e+300");
  expect_form(true, "true");
  expect_form('c', "\"c\"");
  expect_form(std::byte{7}, "7");
  expect_form(zoo::Colour::kGreen, "1");
  expect_form(std::string("q\"\\\n\x01 é"), "\"q\\\"\\\\\\n\\u0001 é\"");
  expect_form(std::filesystem::path("/tmp"), "\"/tmp\"");
  expect_form(std::vector<int>{1, 2}, "[1,2]");
  expect_form(std::vector<int>{}, "[]");
  expect_form(std::vector<bool>{true, false}, "[true,false]");
  expect_form(std::set<int>{2, 1}, "[1,2]");
  expect_form(std::array<int, 2>{1, 2}, "[1,2]");
  expect_form(std::optional<int>{}, "null");
  expect_form(std::optional<int>{3}, "3");
  expect_form(std::tuple<int, std::string>{1, "x"}, "[1,\"x\"]");
  expect_form(std::tuple<>{}, "[]");
  expect_form(std::variant<int, double>{2.5}, "{\"f64\":2.5}");
  expect_form(std::monostate{}, "null");
  expect_form(std::chrono::milliseconds(1500), "\"1.5s\"");
}

TEST(Json, WritesMapsWithStringKeysAsObjects) {
  expect_form(std::map<std::string, int>{{"a", 1}, {"b", 2}}, "{\"a\":1,\"b\":2}");
  expect_form(std::map<std::string, int>{}, "{}");
  expect_form(std::map<int, bool>{{1, true}}, "[[1,true]]");
  expect_form(std::map<std::string, int>{{"\xff", 1}}, "[[{\"base64\":\"/w==\"},1]]");
}

TEST(Json, WritesBytesAndOddTextAsBase64) {
  expect_form(std::vector<std::uint8_t>{1, 2, 255}, "{\"base64\":\"AQL/\"}");
  expect_form(std::string("\xe9"), "{\"base64\":\"6Q==\"}");
  EXPECT_EQ(parsed<std::vector<std::byte>>("\"ab\"").size(), 2U);
}

TEST(Json, WritesNumbersThatAreNoneAsStrings) {
  expect_form(std::numeric_limits<double>::infinity(), "\"Infinity\"");
  expect_form(-std::numeric_limits<double>::infinity(), "\"-Infinity\"");
  EXPECT_EQ(json(std::numeric_limits<float>::quiet_NaN()), "\"NaN\"");
  EXPECT_TRUE(std::isnan(parsed<double>("\"NaN\"")));
}

TEST(Json, WritesUserTypesAsObjectsWhenTheyNameTheirMembers) {
  expect_form(zoo::Point{1, 2.5}, "{\"x\":1.0,\"y\":2.5}");
  EXPECT_EQ(parsed<zoo::Point>("{\"y\":1,\"x\":2}"), (zoo::Point{2, 1}));
  expect_form(zoo::Tree{1, {{2, {}}}}, "[1,[[2,[]]]]");
  expect_form(zoo::Celsius{5}, "5.0");
  expect_form(zoo::Derived{}, "{\"name\":\"base\",\"numbers\":[1,2,3]}");
  EXPECT_THROW(json(zoo::Mixed{}), EncodeError);
  EXPECT_NE(error<zoo::Mixed>("{\"a\":1}").find("names some of its members"), std::string::npos);
}

TEST(Json, NamesAlternativesOfOneTypeByTheirPosition) {
  using Same = std::variant<int, zoo::Colour, std::uint8_t>;
  expect_form(Same{std::in_place_index<1>, zoo::Colour::kGreen}, "{\"u8#1\":1}");
  expect_form(Same{std::in_place_index<2>, std::uint8_t{1}}, "{\"u8#2\":1}");
}

TEST(Json, NeverRoundsAnInteger) {
  EXPECT_EQ(error<int>("5.0"), "argument 2: expected integer, got 5.0");
  EXPECT_EQ(error<int>("1e2"), "argument 2: expected integer, got 1e2");
  EXPECT_EQ(error<std::uint8_t>("300"), "argument 2: 300 does not fit u8");
  EXPECT_EQ(error<unsigned>("-1"), "argument 2: -1 does not fit u32");
  EXPECT_EQ(error<double>("9007199254740993"), "argument 2: 9007199254740993 does not fit f64");
  EXPECT_EQ(parsed<double>("9007199254740992"), 9007199254740992.0);
  EXPECT_EQ(error<float>("1e39"), "argument 2: 1e39 does not fit f32");
  EXPECT_NE(error<double>("18446744073709551616").find("does not fit 64 bits"), std::string::npos);
  EXPECT_NE(error<double>("1e400"), "(accepted)");
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* text : {"", "[1", "1 2", "nul", "[1,]", "{\"a\":}", "'a'", "\"\xe9\"", "01", "+1", "NaN"}) {
    EXPECT_EQ(error<int>(text).find("invalid JSON at byte "), 0U) << text;
  }
  EXPECT_NE(error<int>(std::string_view("1\0", 2)), "(accepted)");
}

TEST(Json, RefusesDuplicateKeysAnywhere) {
  EXPECT_NE(error<int>("[{\"b\":{\"a\":1,\"a\":2}}]").find("the key \"a\" occurs twice"), std::string::npos);
}

TEST(Json, RefusesNestingDeeperThanTheLimit) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(JsonDocument(nested(256)).count(0), 1U);
  EXPECT_THROW(JsonDocument(nested(257)), DecodeError);
  EXPECT_THROW(JsonDocument(std::string(1'000'000, '[')), DecodeError);
}

TEST(Json, SaysWhereAValueIsWrong) {
  EXPECT_EQ(error<std::vector<zoo::Point>>("[{\"x\":1,\"y\":2},{\"x\":1,\"y\":\"2\"}]"),
            "argument 2, [1].y: expected number, got string");
  EXPECT_EQ((error<std::map<std::string, std::vector<int>>>("{\"k\":[1,null]}")),
            "argument 2, k[1]: expected integer, got null");
  EXPECT_EQ(error<zoo::Tree>("[1,[[2]]]"), "argument 2, [1][0]: expected an array of more than 1");
  EXPECT_EQ(error<std::chrono::seconds>("\"1.5s\"").find("argument 2: a duration of 1500000000 ns"), 0U);
}

TEST(Json, RefusesUnknownAndMissingMembers) {
  EXPECT_EQ(error<zoo::Point>("{\"x\":1,\"y\":2,\"z\":3}"), "argument 2: there is no member \"z\" in this type");
  EXPECT_EQ(error<zoo::Point>("{\"x\":1}"), "argument 2: the member \"y\" is missing");
  EXPECT_EQ(error<zoo::Tree>("[1,[],2]"), "argument 2: expected an array of 2, got one of 3");
  EXPECT_EQ(error<zoo::Point>("[1,2]"), "argument 2: expected object, got array");
}

TEST(Json, RefusesTheWrongKindOfValue) {
  EXPECT_EQ(error<bool>("1"), "argument 2: expected true or false, got 1");
  EXPECT_EQ(error<std::string>("1"), "argument 2: expected string, got 1");
  EXPECT_EQ(error<char>("\"ab\""), "argument 2: expected a string of one character, got one of 2 bytes");
  EXPECT_EQ((error<std::array<int, 2>>("[1]")), "argument 2: expected an array of 2, got one of 1");
  EXPECT_EQ((error<std::variant<int, bool>>("{\"str\":\"x\"}")),
            "argument 2: \"str\" is no alternative of variant<i32,bool>");
  EXPECT_EQ(error<std::set<int>>("[1,1]"), "argument 2: element 1 occurs twice in a set");
  EXPECT_EQ(error<std::vector<char>>("{\"base64\":\"*\"}"), "argument 2: expected padded base64, got \"*\"");
  EXPECT_EQ(error<std::chrono::seconds>("5"), "argument 2: expected duration such as \"1.5s\", got 5");
}

TEST(Json, StopsEndlessRecursionInASerialize) {
  EXPECT_THROW(json(zoo::Endless{}), EncodeError);
  EXPECT_NE(error<zoo::Endless>("[]"), "(accepted)");
}

}  // namespace
}  // namespace bulkhead::sdk
