#include <bulkhead/sdk/shape.hpp>

#include <gtest/gtest.h>

#include "shared_types.hpp"

// The same name as zoo::Point in another build would have: what the hash must tell apart.
namespace other {
struct Swapped {
  double x = 0;
  double y = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(y), CEREAL_NVP(x));
  }
};
struct Retyped {
  std::int64_t x = 0;
  double y = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(x), CEREAL_NVP(y));
  }
};
struct Same {
  double x = 7;
  double y = 8;
  std::string not_visited = {};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(x), CEREAL_NVP(y));
  }
};
struct Throws {
  template <class Archive>
  void serialize(Archive& archive) {
    int before = 0;
    archive(before);
    throw std::runtime_error("not without a file");
  }
};
}  // namespace other
template <>
struct bulkhead::type_name<other::Swapped> : bulkhead::type_name<zoo::Point> {};
template <>
struct bulkhead::type_name<other::Retyped> : bulkhead::type_name<zoo::Point> {};
template <>
struct bulkhead::type_name<other::Same> : bulkhead::type_name<zoo::Point> {};
BULKHEAD_TYPE(other::Throws)

namespace bulkhead::sdk {
namespace {

TEST(Shape, IsZeroWithoutUserTypes) {
  EXPECT_EQ((shape_hash<void, int, std::map<std::string, std::vector<double>>, zoo::Colour>()), 0U);
}

TEST(Shape, IsTheSameForTheSameMembers) {
  EXPECT_NE((shape_hash<int, zoo::Point>()), 0U);
  EXPECT_EQ((shape_hash<int, zoo::Point>()), (shape_hash<int, const zoo::Point&>()));
  EXPECT_EQ((shape_hash<int, zoo::Point>()), (shape_hash<int, other::Same>()));
}

TEST(Shape, SeesTheOrderNamesAndTypesOfMembers) {
  EXPECT_NE((shape_hash<int, zoo::Point>()), (shape_hash<int, other::Swapped>()));
  EXPECT_NE((shape_hash<int, zoo::Point>()), (shape_hash<int, other::Retyped>()));
}

TEST(Shape, SeesUserTypesInsideOfContainers) {
  EXPECT_NE((shape_hash<std::vector<zoo::Point>>()), 0U);
  EXPECT_NE((shape_hash<std::vector<zoo::Point>>()), (shape_hash<std::vector<other::Retyped>>()));
  EXPECT_NE((shape_hash<void, std::variant<int, std::optional<zoo::Point>>>()), 0U);
}

TEST(Shape, DescribesTypesThatContainThemselves) {
  EXPECT_EQ(shape_text<zoo::Tree>(), "zoo::Tree{i32;list<zoo::Tree^,>;}");
  EXPECT_EQ(shape_text<zoo::Chain>(), "zoo::Chain{i32;optional<zoo::Chain^,>;}");
  EXPECT_EQ(shape_text<zoo::Endless>(), "zoo::Endless{zoo::Endless^;}");
}

TEST(Shape, DescribesBasesVersionsAndArrays) {
  EXPECT_EQ(shape_text<zoo::Derived>(), "zoo::Derived{{version;name:str;};numbers:array<i32,3>;}");
  EXPECT_EQ(shape_text<zoo::Celsius>(), "zoo::Celsius{f64}");
}

TEST(Shape, SurvivesASerializeThatThrows) { EXPECT_EQ(shape_text<other::Throws>(), "other::Throws{i32;!}"); }

}  // namespace
}  // namespace bulkhead::sdk
