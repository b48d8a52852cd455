// When a task returned what its example says.
#include "same_json.hpp"

#include <gtest/gtest.h>

namespace bulkhead::cli {
namespace {

TEST(SameJson, ForgivesNumbersTheirLastBitsOnly) {
  EXPECT_TRUE(is_same_json("1.4142135623730951", "1.41421356237309504880", "(f64)->f64"));
  EXPECT_TRUE(is_same_json("[1.0,2]", "[1,2.0]", "()->list<f64>"));
  EXPECT_FALSE(is_same_json("1.0000001", "1", "(f64)->f64"));
  EXPECT_TRUE(is_same_json("1.0000001", "1", "(f32)->f32"));
  EXPECT_FALSE(is_same_json("9007199254740993", "9007199254740992", "()->i64"));
}

TEST(SameJson, ComparesEverythingElseAsItIs) {
  EXPECT_TRUE(is_same_json(R"({"a":[1,{"b":2.0}],"c":null})", R"({"c":null,"a":[1,{"b":2}]})", "()->x"));
  EXPECT_FALSE(is_same_json(R"({"a":1})", R"({"a":1,"b":1})", "()->x"));
  EXPECT_FALSE(is_same_json("[1]", "[1,2]", "()->x"));
  EXPECT_FALSE(is_same_json("\"1\"", "1", "()->x"));
  EXPECT_FALSE(is_same_json("true", "false", "()->x"));
}

TEST(SameJson, ShowsNumbersShort) {
  EXPECT_EQ(short_json("[0.1000000000000000055511151231257827, 2.0]"), "[0.1,2.0]");
  EXPECT_EQ(short_json("no json"), "no json");
}

}  // namespace
}  // namespace bulkhead::cli
