#include <bulkhead/sdk/archive.hpp>

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>

#include "shared_types.hpp"

namespace bulkhead::sdk {
namespace {

using namespace std::chrono_literals;

template <class... T>
std::string encoded(const T&... values) {
  BufferSink sink;
  write(sink, values...);
  return {reinterpret_cast<const char*>(sink.bytes().data()), sink.bytes().size()};
}
template <class T>
T decoded(const std::string& bytes) {
  T value{};
  read(std::as_bytes(std::span(bytes)), value);
  return value;
}
template <class T>
T round_trip(const T& value) {
  return decoded<T>(encoded(value));
}
template <class T>
void expect_round_trip(const T& value) {
  EXPECT_EQ(round_trip(value), value);
}
std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}
template <class T>
std::string decode_error(const std::string& input) {
  try {
    decoded<T>(input);
  } catch (const DecodeError& error) {
    return error.what();
  }
  return "(accepted)";
}

// The form is a promise to other languages and to plugins built years ago: WIRE.md.
TEST(BinaryWriter, WritesTheFormOfWireMd) {
  EXPECT_EQ(encoded(std::int32_t{258}), bytes({2, 1, 0, 0}));
  EXPECT_EQ(encoded(1.0), bytes({0, 0, 0, 0, 0, 0, 0xF0, 0x3F}));
  EXPECT_EQ(encoded(true, false, 'c', std::byte{9}, zoo::Colour::kGreen), bytes({1, 0, 'c', 9, 1}));
  EXPECT_EQ(encoded(std::string("hi")), bytes({2, 0, 0, 0, 0, 0, 0, 0, 'h', 'i'}));
  EXPECT_EQ(encoded("hi"), encoded(std::string_view("hi")));
  EXPECT_EQ(encoded(std::filesystem::path("hi")), encoded("hi"));
  EXPECT_EQ(encoded(std::vector<std::byte>{std::byte{7}}), bytes({1, 0, 0, 0, 0, 0, 0, 0, 7}));
  EXPECT_EQ(encoded(std::list<std::int16_t>{1, 2}), bytes({2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0}));
  EXPECT_EQ(encoded(std::vector<bool>{true}), bytes({1, 0, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(encoded(std::array<std::uint8_t, 2>{3, 4}), bytes({3, 4}));
  EXPECT_EQ(encoded(std::optional<char>()), bytes({0}));
  EXPECT_EQ(encoded(std::optional<char>('x')), bytes({1, 'x'}));
  EXPECT_EQ(encoded(std::pair<char, bool>('a', true)), bytes({'a', 1}));
  EXPECT_EQ(encoded(std::variant<char, bool>(true)), bytes({1, 0, 0, 0, 1}));
  EXPECT_EQ(encoded(std::monostate{}), "");
  EXPECT_EQ(encoded(std::chrono::microseconds(1)), bytes({0xE8, 3, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(encoded(std::map<char, char>{{'a', 'b'}}), bytes({1, 0, 0, 0, 0, 0, 0, 0, 'a', 'b'}));
  EXPECT_EQ(encoded(zoo::Base{"n"}), bytes({0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 'n'}));
}

TEST(BinaryArchives, CarryEveryStandardType) {
  expect_round_trip(std::numeric_limits<std::int64_t>::min());
  expect_round_trip(std::numeric_limits<double>::denorm_min());
  expect_round_trip(std::string("with \0 inside", 13));
  expect_round_trip(std::filesystem::path("/tmp/\xff"));
  expect_round_trip(std::vector<double>(5000, 0.5));
  expect_round_trip(std::vector<char>{'a', '\0'});
  expect_round_trip(std::deque<std::byte>{std::byte{1}, std::byte{2}});
  expect_round_trip(std::list<std::vector<std::string>>{{"a", ""}, {}});
  expect_round_trip(std::vector<bool>{true, false, true});
  expect_round_trip(std::set<std::string>{"b", "a"});
  expect_round_trip(std::unordered_set<int>{1, 2, 3});
  expect_round_trip(std::map<std::string, std::optional<int>>{{"a", 1}, {"b", std::nullopt}});
  expect_round_trip(std::unordered_map<int, std::string>{{1, "x"}});
  expect_round_trip(std::array<std::string, 2>{"x", "y"});
  expect_round_trip(std::tuple<int, std::string, bool>{1, "x", true});
  expect_round_trip(std::tuple<>{});
  expect_round_trip(std::variant<std::monostate, std::string, int>{"text"});
  expect_round_trip(std::chrono::hours(-3));
  expect_round_trip(std::chrono::duration<double>(0.25));
  expect_round_trip(zoo::Colour::kGreen);
}

TEST(BinaryArchives, CarryUserTypesByAnyOfCerealsFunctions) {
  expect_round_trip(zoo::Point{1.5, -2});
  expect_round_trip(zoo::Tree{1, {{2, {{3, {}}}}, {4, {}}}});
  expect_round_trip(zoo::Celsius{36.6});
  zoo::Derived derived;
  derived.name = "changed";
  derived.numbers[2] = 42;
  expect_round_trip(derived);
  zoo::Chain chain{1, std::make_unique<zoo::Chain>(zoo::Chain{2, nullptr})};
  const zoo::Chain back = round_trip(chain);
  ASSERT_TRUE(back.next);
  EXPECT_EQ(back.next->value, 2);
  EXPECT_FALSE(back.next->next);
}

TEST(BinaryArchives, ReplaceWhatWasInTheValueBefore) {
  std::vector<std::string> list = {"old", "older"};
  std::map<int, int> map = {{1, 1}};
  std::optional<int> optional = 1;
  const std::string in = encoded(std::vector<std::string>{"new"}, std::map<int, int>{{2, 2}}, std::optional<int>());
  read(std::as_bytes(std::span(in)), list, map, optional);
  EXPECT_EQ(list, std::vector<std::string>{"new"});
  EXPECT_EQ(map, (std::map<int, int>{{2, 2}}));
  EXPECT_EQ(optional, std::nullopt);
}

TEST(BinaryArchives, ReadNumbersAloneOnlyFromExactlyTheirBytes) {
  int a = 0;
  double b = 0;
  const std::string in = encoded(7, 2.5);
  read(std::as_bytes(std::span(in)), a, b);
  EXPECT_EQ(a, 7);
  EXPECT_EQ(b, 2.5);
  EXPECT_EQ(decode_error<int>(bytes({1, 0, 0})), "the bytes end early: 4 more are needed, 3 are left");
  EXPECT_EQ(decode_error<int>(bytes({1, 0, 0, 0, 9})), "1 bytes are left over after the last value");
}

TEST(BinaryReader, RefusesLeftoverBytes) {
  EXPECT_EQ(decode_error<std::string>(encoded("ab", 'x')), "1 bytes are left over after the last value");
}

TEST(BinaryReader, RefusesABoolThatIsNeitherZeroNorOne) {
  EXPECT_EQ(decode_error<bool>(bytes({7})), "a byte of bool is 7, not 0 or 1");
  EXPECT_EQ(decode_error<std::optional<char>>(bytes({2, 'x'})), "a byte of optional is 2, not 0 or 1");
  EXPECT_EQ(decode_error<std::vector<bool>>(bytes({1, 0, 0, 0, 0, 0, 0, 0, 3})), "a byte of bool is 3, not 0 or 1");
}

TEST(BinaryReader, RefusesAVariantIndexItHasNot) {
  EXPECT_EQ((decode_error<std::variant<char, bool>>(bytes({2, 0, 0, 0, 1}))),
            "a variant's index is 2, it has 2 alternatives");
}

TEST(BinaryReader, RefusesKeysThatOccurTwice) {
  EXPECT_EQ(decode_error<std::set<char>>(encoded(std::vector<char>{'a', 'a'})), "a set holds an element twice");
  EXPECT_EQ((decode_error<std::map<char, char>>(encoded(std::vector<std::pair<char, char>>{{'a', 'b'}, {'a', 'c'}}))),
            "a map holds a key twice");
}

TEST(BinaryReader, RefusesADurationTooFineForTheDeclaredUnit) {
  EXPECT_EQ(decoded<std::chrono::seconds>(encoded(2000ms)), 2s);
  EXPECT_NE(decode_error<std::chrono::seconds>(encoded(1500ms)).find("1500000000 ns is no whole number"),
            std::string::npos);
  using Small = std::chrono::duration<std::int8_t, std::milli>;
  EXPECT_NE(decode_error<Small>(encoded(200ms)), "(accepted)");
}

TEST(BinaryWriter, RefusesADurationThatDoesNotFit) {
  EXPECT_THROW(encoded(std::chrono::hours(3'000'000)), EncodeError);
  EXPECT_THROW(encoded(std::chrono::duration<double>(1e300)), EncodeError);
  EXPECT_THROW(encoded(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())), EncodeError);
  EXPECT_THROW(encoded(std::chrono::duration<int, std::pico>(1)), EncodeError);
  expect_round_trip(std::chrono::nanoseconds::min());
}

TEST(BinaryWriter, RefusesManyElementsWithoutBytes) {
  EXPECT_THROW(encoded(std::vector<std::monostate>(3)), EncodeError);
  EXPECT_EQ(encoded(std::vector<std::monostate>()).size(), 8U);
}

TEST(BinaryArchives, StopEndlessRecursionInASerialize) {
  EXPECT_THROW(encoded(zoo::Endless{}), EncodeError);
  EXPECT_NE(decode_error<zoo::Endless>("").find("deeper than 256"), std::string::npos);
}

TEST(BinaryArchives, CarryUserTypesNestedToTheLimitButNotDeeper) {
  const auto chain_of = [](unsigned length) {
    zoo::Chain head;
    for (unsigned i = 1; i < length; ++i) {
      zoo::Chain next;
      next.next = std::make_unique<zoo::Chain>(std::move(head));
      head = std::move(next);
    }
    return head;
  };
  EXPECT_TRUE(round_trip(chain_of(kMaxDepth)).next);
  EXPECT_THROW(encoded(chain_of(kMaxDepth + 1)), EncodeError);
  // What a writer without a limit could have made.
  std::string deep;
  for (unsigned i = 0; i < 100'000; ++i) deep += bytes({0, 0, 0, 0, 1});
  EXPECT_NE(decode_error<zoo::Chain>(deep).find("deeper than 256"), std::string::npos);
}

TEST(BinaryArchives, CarryPlainStructsWithoutANameInSignatures) {
  struct Message {
    std::uint32_t kind = 0;
    std::string text;
    void serialize(BinaryWriter& archive) { archive(kind, text); }
    void serialize(BinaryReader& archive) { archive(kind, text); }
  };
  const auto back = round_trip(Message{3, "x"});
  EXPECT_EQ(back.kind, 3U);
  EXPECT_EQ(back.text, "x");
}

}  // namespace
}  // namespace bulkhead::sdk
