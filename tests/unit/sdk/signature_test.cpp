#include <bulkhead/sdk/signature.hpp>

#include <gtest/gtest.h>

#include "shared_types.hpp"

namespace bulkhead::sdk {
namespace {

template <class T>
std::string_view text() {
  static constexpr auto kText = type_text<T>();
  return kText.view();
}

TEST(Signature, NamesNumbersByKindAndWidth) {
  EXPECT_EQ(text<int>(), "i32");
  EXPECT_EQ(text<long>(), "i64");
  EXPECT_EQ(text<long long>(), "i64");
  EXPECT_EQ(text<std::size_t>(), "u64");
  EXPECT_EQ(text<signed char>(), "i8");
  EXPECT_EQ(text<unsigned char>(), "u8");
  EXPECT_EQ(text<std::byte>(), "u8");
  EXPECT_EQ(text<short>(), "i16");
  EXPECT_EQ(text<char>(), "char");
  EXPECT_EQ(text<bool>(), "bool");
  EXPECT_EQ(text<float>(), "f32");
  EXPECT_EQ(text<double>(), "f64");
}

TEST(Signature, NamesAnEnumByItsInteger) {
  EXPECT_EQ(text<zoo::Colour>(), "u8");
  enum Old { kOne };
  EXPECT_EQ(text<Old>(), "u32");
}

TEST(Signature, NamesTextAndViewsOfIt) {
  EXPECT_EQ(text<std::string>(), "str");
  EXPECT_EQ(text<std::string_view>(), "str");
  EXPECT_EQ(text<const char*>(), "str");
  EXPECT_EQ(text<const char(&)[4]>(), "str");
  EXPECT_EQ(text<std::filesystem::path>(), "path");
}

TEST(Signature, CallsSequencesOfBytesBytes) {
  EXPECT_EQ(text<std::vector<std::uint8_t>>(), "bytes");
  EXPECT_EQ(text<std::vector<std::byte>>(), "bytes");
  EXPECT_EQ(text<std::vector<char>>(), "bytes");
  EXPECT_EQ(text<std::span<const std::byte>>(), "bytes");
  EXPECT_EQ(text<std::deque<char>>(), "bytes");
  EXPECT_EQ(text<std::vector<std::int8_t>>(), "list<i8>");
}

TEST(Signature, NamesContainersWithTheirElements) {
  EXPECT_EQ(text<std::vector<int>>(), "list<i32>");
  EXPECT_EQ(text<std::list<std::string>>(), "list<str>");
  EXPECT_EQ(text<std::span<const double>>(), "list<f64>");
  EXPECT_EQ(text<std::vector<bool>>(), "list<bool>");
  EXPECT_EQ(text<std::set<int>>(), "set<i32>");
  EXPECT_EQ(text<std::unordered_set<std::string>>(), "set<str>");
  EXPECT_EQ((text<std::array<double, 12>>()), "array<f64,12>");
  EXPECT_EQ((text<std::map<std::string, int>>()), "map<str,i32>");
  EXPECT_EQ((text<std::unordered_map<int, bool>>()), "map<i32,bool>");
  EXPECT_EQ(text<std::optional<int>>(), "optional<i32>");
  EXPECT_EQ((text<std::pair<int, std::string>>()), "tuple<i32,str>");
  EXPECT_EQ(text<std::tuple<>>(), "tuple<>");
  EXPECT_EQ((text<std::variant<std::monostate, int>>()), "variant<null,i32>");
  EXPECT_EQ(text<std::chrono::milliseconds>(), "duration");
  EXPECT_EQ((text<std::chrono::duration<double>>()), "duration");
}

TEST(Signature, NamesUserTypesAsTheyWereNamed) { EXPECT_EQ(text<std::vector<zoo::Point>>(), "list<zoo::Point>"); }

TEST(Signature, JoinsArgumentsAndResult) {
  static constexpr auto kNone = signature<void>();
  EXPECT_EQ(kNone.view(), "()->void");
  static constexpr auto kTwo = signature<std::string, const std::int64_t&, std::string_view>();
  EXPECT_EQ(kTwo.view(), "(i64,str)->str");
  EXPECT_STREQ(kTwo.data(), "(i64,str)->str");
}

TEST(Signature, StoresViewsAsWhatOwnsTheirBytes) {
  static_assert(std::is_same_v<stored_t<std::string_view>, std::string>);
  static_assert(std::is_same_v<stored_t<const char(&)[3]>, std::string>);
  static_assert(std::is_same_v<stored_t<std::span<const int>>, std::vector<int>>);
  static_assert(std::is_same_v<stored_t<const std::set<int>&>, std::set<int>>);
}

}  // namespace
}  // namespace bulkhead::sdk
