// A signature's text taken apart.
#include "bulkhead/detail/signature_desc.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace bulkhead::detail {
namespace {

using Kind = TypeDesc::Kind;

TEST(SignatureDesc, TellsParametersAndResult) {
  const auto none = parse_signature("()->void");
  EXPECT_TRUE(none.parameters.empty());
  EXPECT_EQ(none.result.kind, Kind::kVoid);
  const auto two = parse_signature("(i64,str)->f64");
  ASSERT_EQ(two.parameters.size(), 2u);
  EXPECT_EQ(two.parameters[0].kind, Kind::kI64);
  EXPECT_EQ(two.parameters[0].text, "i64");
  EXPECT_EQ(two.parameters[1].kind, Kind::kStr);
  EXPECT_EQ(two.result.kind, Kind::kF64);
  EXPECT_EQ(two.text, "(i64,str)->f64");
}

TEST(SignatureDesc, KnowsEveryPlainType) {
  const auto all =
      parse_signature("(i8,i16,i32,i64,u8,u16,u32,u64,f32,f64,bool,char,str,path,bytes,null,duration)->void");
  ASSERT_EQ(all.parameters.size(), 17u);
  for (std::size_t i = 0; i < 17; ++i)
    EXPECT_EQ(static_cast<std::size_t>(all.parameters[i].kind), i) << all.parameters[i].text;
}

TEST(SignatureDesc, TakesContainersApart) {
  const auto desc = parse_signature(
      "(list<map<str,optional<i32>>>,array<f32,16>,tuple<>,tuple<i8,str,list<u8>>,set<str>,variant<null,i64>)->void");
  ASSERT_EQ(desc.parameters.size(), 6u);
  const auto& list = desc.parameters[0];
  EXPECT_EQ(list.kind, Kind::kList);
  EXPECT_EQ(list.text, "list<map<str,optional<i32>>>");
  ASSERT_EQ(list.parts.size(), 1u);
  EXPECT_EQ(list.parts[0].kind, Kind::kMap);
  ASSERT_EQ(list.parts[0].parts.size(), 2u);
  EXPECT_EQ(list.parts[0].parts[1].text, "optional<i32>");
  EXPECT_EQ(desc.parameters[1].kind, Kind::kArray);
  EXPECT_EQ(desc.parameters[1].length, 16u);
  EXPECT_EQ(desc.parameters[1].parts[0].kind, Kind::kF32);
  EXPECT_TRUE(desc.parameters[2].parts.empty());
  EXPECT_EQ(desc.parameters[3].parts.size(), 3u);
  EXPECT_EQ(desc.parameters[4].kind, Kind::kSet);
  EXPECT_EQ(desc.parameters[5].kind, Kind::kVariant);
}

TEST(SignatureDesc, LeavesUsersNamesAsTheyAre) {
  const auto desc = parse_signature("(geo::Point,Pair<int, long>,list<ns::Box<a,b>>,f64x)->Shape");
  ASSERT_EQ(desc.parameters.size(), 4u);
  EXPECT_EQ(desc.parameters[0].kind, Kind::kNamed);
  EXPECT_EQ(desc.parameters[0].text, "geo::Point");
  EXPECT_EQ(desc.parameters[1].text, "Pair<int, long>");
  EXPECT_EQ(desc.parameters[2].parts[0].text, "ns::Box<a,b>");
  EXPECT_EQ(desc.parameters[3].kind, Kind::kNamed);
  EXPECT_EQ(desc.result.text, "Shape");
}

TEST(SignatureDesc, RefusesWhatIsNone) {
  for (const char* wrong : {"",
                            "(",
                            "()",
                            "()->",
                            "(i64->i64",
                            "i64->i64",
                            "(i64,)->i64",
                            "(,)->i64",
                            "()->i64)",
                            "(list<>)->i64",
                            "(list<i64,i64>)->i64",
                            "(map<i64>)->i64",
                            "(array<i64>)->i64",
                            "(array<i64,>)->i64",
                            "(array<i64,x>)->i64",
                            "(array<i64,99999999999999999999999>)->i64",
                            "(list<i64)->i64",
                            "(optional<>)->i64",
                            "()->i64,i64",
                            "(variant<>)->i64",
                            "(array<>)->i64",
                            "(set<>)->i64",
                            "(map<>)->i64"}) {
    EXPECT_THROW((void)parse_signature(wrong), std::invalid_argument) << wrong;
  }
}

TEST(SignatureDesc, RefusesEndlessNestingWithoutEndlessRecursion) {
  std::string deep = "(";
  for (int i = 0; i < 100'000; ++i) deep += "list<";
  EXPECT_THROW((void)parse_signature(deep), std::invalid_argument);
}

TEST(SignatureDesc, NamesTheWholeSignatureInItsRefusal) {
  try {
    (void)parse_signature("(list<i64)->i64");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("(list<i64)->i64"));
  }
}

TEST(SignatureDesc, AsksForAllArgumentsButTrailingOptionals) {
  EXPECT_EQ(parse_signature("()->void").required_arguments(), 0u);
  EXPECT_EQ(parse_signature("(i64,optional<i64>)->void").required_arguments(), 1u);
  EXPECT_EQ(parse_signature("(optional<i64>,i64)->void").required_arguments(), 2u);
  EXPECT_EQ(parse_signature("(optional<i64>,optional<str>)->void").required_arguments(), 0u);
}

TEST(SignatureDesc, KnowsWhatHasAFixedSize) {
  const auto size = [](const std::string& type) {
    return parse_signature("(" + type + ")->void").parameters[0].fixed_bytes();
  };
  EXPECT_EQ(size("i8"), 1u);
  EXPECT_EQ(size("f32"), 4u);
  EXPECT_EQ(size("u64"), 8u);
  EXPECT_EQ(size("bool"), 1u);
  EXPECT_EQ(size("duration"), 8u);
  EXPECT_EQ(size("array<i32,5>"), 20u);
  EXPECT_EQ(size("tuple<i8,f64>"), 9u);
  EXPECT_EQ(size("array<tuple<i8,f64>,2>"), 18u);
  for (const char* varies : {"str", "bytes", "path", "list<i8>", "optional<i8>", "map<i8,i8>", "Point",
                             "variant<i8,u8>", "set<i8>", "tuple<i8,str>", "array<str,2>", "array<i64,4000000000>"}) {
    EXPECT_EQ(size(varies), 0u) << varies;
  }
}

TEST(SignatureDesc, OrdersNumbersBySignAndWidth) {
  const auto desc = parse_signature("(i8,i64,u8,u64,f32,f64,bool,str)->void");
  EXPECT_EQ(desc.parameters[1].bits(), 64);
  EXPECT_TRUE(desc.parameters[1].is_signed());
  EXPECT_FALSE(desc.parameters[2].is_signed());
  EXPECT_TRUE(desc.parameters[3].is_integer());
  EXPECT_FALSE(desc.parameters[4].is_integer());
  EXPECT_TRUE(desc.parameters[5].is_number());
  EXPECT_FALSE(desc.parameters[6].is_number());
  EXPECT_EQ(desc.parameters[7].bits(), 0);
}

}  // namespace
}  // namespace bulkhead::detail
