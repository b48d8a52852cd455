// How arguments become what a task declares, and results what the caller asks for.
#include <array>
#include <cmath>
#include <deque>
#include <limits>
#include <list>
#include <map>
#include <set>
#include <span>
#include <unordered_map>
#include <variant>

#include "echo/echo_types.hpp"
#include "engine_fixture.hpp"

namespace other {
// Called Point too, with other members.
struct Point {
  int x = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(CEREAL_NVP(x));
  }
};
}  // namespace other
template <>
struct bulkhead::type_name<other::Point> {
  static constexpr auto value = bulkhead::sdk::Text("Point");
};

namespace bulkhead::test {
namespace {

class ConversionTest : public EngineTest {
 protected:
  // The text of the refusal before anything is sent.
  template <class R, class... A>
  std::string refused(std::string_view task, const A&... arguments) {
    return text_thrown<SignatureMismatch>([&] { (void)pool_.apply_async<R>(task, arguments...); });
  }
  template <class R, class... A>
  std::string does_not_fit(std::string_view task, const A&... arguments) {
    return text_thrown<ArgumentError>([&] { (void)pool_.apply_async<R>(task, arguments...); });
  }
};
class RoundTripTest : public EngineTest {
 protected:
  template <class T>
  void expect_same(std::string_view task, const T& value) {
    EXPECT_EQ(pool_.apply<T>(task, value), value) << task;
  }
};
using ::testing::HasSubstr;

TEST_F(RoundTripTest, EveryIntegerKeepsItsLimits) {
  const auto check = [&]<class T>(std::string_view task, T) {
    for (const T value : {std::numeric_limits<T>::min(), T{0}, T{1}, std::numeric_limits<T>::max()}) {
      expect_same<T>(task, value);
    }
  };
  check("echo.i8", std::int8_t{});
  check("echo.i16", std::int16_t{});
  check("echo.i32", std::int32_t{});
  check("echo.i64", std::int64_t{});
  check("echo.u8", std::uint8_t{});
  check("echo.u16", std::uint16_t{});
  check("echo.u32", std::uint32_t{});
  check("echo.u64", std::uint64_t{});
}

TEST_F(RoundTripTest, EveryFloatKeepsItsLimits) {
  for (const float value : {0.0f, -0.0f, 1.5f, std::numeric_limits<float>::denorm_min(),
                            std::numeric_limits<float>::max(), std::numeric_limits<float>::infinity()}) {
    expect_same("echo.f32", value);
  }
  for (const double value : {0.0, 0.1, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::lowest(),
                             -std::numeric_limits<double>::infinity()}) {
    expect_same("echo.f64", value);
  }
  EXPECT_TRUE(std::isnan(pool_.apply<double>("echo.f64", std::nan(""))));
  EXPECT_TRUE(std::signbit(pool_.apply<double>("echo.f64", -0.0)));
}

TEST_F(RoundTripTest, EveryOtherTypeOfASignatureKeepsItsValue) {
  expect_same("echo.boolean", true);
  expect_same("echo.boolean", false);
  expect_same("echo.character", 'x');
  expect_same("echo.character", '\xff');
  expect_same("echo.text", std::string());
  expect_same("echo.text", std::string("with\0zero and \xc3\xa4 \xff", 18));
  expect_same("echo.path", std::filesystem::path("/tmp/a b/\xff"));
  expect_same("echo.bytes", std::vector<std::byte>{std::byte{0}, std::byte{255}});
  expect_same("echo.bytes", std::vector<std::uint8_t>{1, 2, 3});
  expect_same("echo.duration", std::chrono::milliseconds(-1500));
  expect_same("echo.colour", Colour::kBlue);
  expect_same("echo.list_i64", std::vector<std::int64_t>{});
  expect_same("echo.list_i64", std::vector<std::int64_t>{1, -2, 3});
  expect_same("echo.list_text", std::vector<std::string>{"", "a", "bc"});
  expect_same("echo.list_bool", std::vector<bool>{true, false, true});
  expect_same("echo.set_i64", std::set<std::int64_t>{3, 1, 2});
  expect_same("echo.array_i64", std::array<std::int64_t, 3>{7, 8, 9});
  expect_same("echo.map_text_i64", std::map<std::string, std::int64_t>{{"a", 1}, {"", 2}});
  expect_same("echo.map_i32_text", std::map<std::int32_t, std::string>{{-1, "minus"}, {1, "plus"}});
  expect_same("echo.optional_i64", std::optional<std::int64_t>(5));
  expect_same("echo.optional_i64", std::optional<std::int64_t>());
  expect_same("echo.tuple", std::tuple<std::int64_t, std::string, double>(1, "two", 3.0));
  expect_same("echo.variant", std::variant<std::int64_t, std::string>(5));
  expect_same("echo.variant", std::variant<std::int64_t, std::string>("five"));
  expect_same("echo.point", Point{1.5, -2.5});
  expect_same("echo.shape", Shape{"triangle", {{0, 0}, {1, 0}, {0, 1}}});
  expect_same("echo.list_point", std::vector<Point>{{1, 2}, {3, 4}});
}

TEST_F(ConversionTest, IntegersGoToAnyIntegerTypeWhenTheValueFits) {
  EXPECT_EQ(pool_.apply<std::int8_t>("echo.i8", 127LL), 127);
  EXPECT_EQ(pool_.apply<std::int8_t>("echo.i8", std::uint64_t{100}), 100);
  EXPECT_EQ(pool_.apply<std::uint64_t>("echo.u64", std::int8_t{5}), 5u);
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.i64", std::uint64_t{1} << 62), std::int64_t{1} << 62);
  EXPECT_EQ(pool_.apply<std::uint8_t>("echo.u8", Colour::kGreen), 1);
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.i64", Colour::kBlue), 2);
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.i64", std::size_t{7}), 7);
}

TEST_F(ConversionTest, IntegersOutOfRangeAreRefusedByValue) {
  const auto text = does_not_fit<std::int8_t>("echo.i8", 128);
  EXPECT_THAT(text, HasSubstr("128"));
  EXPECT_THAT(text, HasSubstr("i8"));
  EXPECT_THAT(text, HasSubstr("out of its range"));
  EXPECT_THAT(does_not_fit<std::uint64_t>("echo.u64", -1), HasSubstr("-1 cannot be sent as u64"));
  EXPECT_THAT(does_not_fit<std::int64_t>("echo.i64", std::numeric_limits<std::uint64_t>::max()),
              HasSubstr("18446744073709551615 cannot be sent as i64"));
  EXPECT_THAT(does_not_fit<std::uint8_t>("echo.u8", 256), HasSubstr("256"));
  EXPECT_THAT(does_not_fit<std::vector<std::int64_t>>("echo.list_i64", std::vector<std::uint64_t>{1, 1ull << 63}),
              HasSubstr("9223372036854775808 cannot be sent as i64"));
}

TEST_F(ConversionTest, IntegersGoToFloatsWhenExact) {
  EXPECT_EQ(pool_.apply<double>("echo.f64", 3), 3.0);
  EXPECT_EQ(pool_.apply<double>("echo.f64", std::int64_t{1} << 53), 9007199254740992.0);
  EXPECT_EQ(pool_.apply<float>("echo.f32", 1 << 24), 16777216.0f);
  EXPECT_EQ(pool_.apply<double>("echo.f64", std::numeric_limits<std::int64_t>::min()), -9223372036854775808.0);
  EXPECT_EQ(pool_.apply<double>("echo.f64", std::uint64_t{1} << 63), 9223372036854775808.0);
  EXPECT_THAT(does_not_fit<double>("echo.f64", (std::int64_t{1} << 53) + 1), HasSubstr("would be rounded"));
  EXPECT_THAT(does_not_fit<float>("echo.f32", (1 << 24) + 1), HasSubstr("would be rounded"));
  EXPECT_THAT(does_not_fit<double>("echo.f64", std::numeric_limits<std::int64_t>::max()), HasSubstr("rounded"));
  EXPECT_THAT(does_not_fit<double>("echo.f64", std::numeric_limits<std::uint64_t>::max()), HasSubstr("rounded"));
}

TEST_F(ConversionTest, FloatsGoToDoubleAndNeverBack) {
  EXPECT_EQ(pool_.apply<double>("echo.f64", 1.5f), 1.5);
  EXPECT_THAT(refused<float>("echo.f32", 1.5), HasSubstr("f64 does not convert to f32"));
  EXPECT_THAT(refused<std::int64_t>("echo.i64", 1.0), HasSubstr("f64 does not convert to i64"));
  EXPECT_THAT(refused<std::int64_t>("echo.i64", 1.0f), HasSubstr("f32 does not convert to i64"));
}

TEST_F(ConversionTest, TruthValuesAndCharactersAreNoNumbers) {
  EXPECT_THAT(refused<std::int64_t>("echo.i64", true), HasSubstr("bool does not convert to i64"));
  EXPECT_THAT(refused<std::int64_t>("echo.i64", 'x'), HasSubstr("char does not convert to i64"));
  EXPECT_THAT(refused<double>("echo.f64", true), HasSubstr("bool does not convert to f64"));
  EXPECT_THAT(refused<bool>("echo.boolean", 1), HasSubstr("i32 does not convert to bool"));
  EXPECT_THAT(refused<bool>("echo.boolean", 'x'), HasSubstr("char does not convert to bool"));
  EXPECT_THAT(refused<char>("echo.character", 65), HasSubstr("i32 does not convert to char"));
  EXPECT_THAT(refused<char>("echo.character", std::uint8_t{65}), HasSubstr("u8 does not convert to char"));
  EXPECT_THAT(refused<char>("echo.character", "x"), HasSubstr("str does not convert to char"));
}

TEST_F(ConversionTest, TextOfAnyKindGoesToStrPathAndBytes) {
  const char* pointer = "a pointer";
  char array[] = "an array";
  EXPECT_EQ(pool_.apply<std::string>("echo.text", "literal"), "literal");
  EXPECT_EQ(pool_.apply<std::string>("echo.text", pointer), "a pointer");
  EXPECT_EQ(pool_.apply<std::string>("echo.text", array), "an array");
  EXPECT_EQ(pool_.apply<std::string>("echo.text", std::string_view("a view")), "a view");
  EXPECT_EQ(pool_.apply<std::string>("echo.text", std::filesystem::path("/a/path")), "/a/path");
  EXPECT_EQ(pool_.apply<std::filesystem::path>("echo.path", "/text"), "/text");
  EXPECT_EQ(pool_.apply<std::filesystem::path>("echo.path", std::string("/text")), "/text");
  const std::vector<std::uint8_t> abc{'a', 'b', 'c'};
  EXPECT_EQ(pool_.apply<std::vector<std::uint8_t>>("echo.bytes", "abc"), abc);
  EXPECT_EQ(pool_.apply<std::vector<std::uint8_t>>("echo.bytes", std::string("abc")), abc);
}

TEST_F(ConversionTest, BytesAndNumbersAreNoText) {
  EXPECT_THAT(refused<std::string>("echo.text", std::vector<std::uint8_t>{1}),
              HasSubstr("bytes does not convert to str"));
  EXPECT_THAT(refused<std::string>("echo.text", 5), HasSubstr("i32 does not convert to str"));
  EXPECT_THAT(refused<std::int64_t>("echo.i64", "5"), HasSubstr("str does not convert to i64"));
  EXPECT_THAT(refused<std::vector<std::uint8_t>>("echo.bytes", 5), HasSubstr("i32 does not convert to bytes"));
}

TEST_F(ConversionTest, AValueGoesToAnOptional) {
  using Optional = std::optional<std::int64_t>;
  EXPECT_EQ(pool_.apply<Optional>("echo.optional_i64", 5), Optional(5));
  EXPECT_EQ(pool_.apply<Optional>("echo.optional_i64", std::optional<std::int32_t>(6)), Optional(6));
  EXPECT_EQ(pool_.apply<Optional>("echo.optional_i64", std::optional<std::int32_t>()), Optional());
  EXPECT_THAT(refused<Optional>("echo.optional_i64", "5"), HasSubstr("str does not convert to optional<i64>"));
  EXPECT_THAT(refused<std::int64_t>("echo.i64", Optional(5)), HasSubstr("optional<i64> does not convert to i64"));
}

TEST_F(ConversionTest, ElementsConvertInsideContainers) {
  using List = std::vector<std::int64_t>;
  const List wanted{1, 2, 3};
  EXPECT_EQ(pool_.apply<List>("echo.list_i64", std::vector<int>{1, 2, 3}), wanted);
  EXPECT_EQ(pool_.apply<List>("echo.list_i64", std::deque<std::uint8_t>{1, 2, 3}), wanted);
  EXPECT_EQ(pool_.apply<List>("echo.list_i64", std::list<short>{1, 2, 3}), wanted);
  EXPECT_EQ(pool_.apply<List>("echo.list_i64", std::array<int, 3>{1, 2, 3}), wanted);
  EXPECT_EQ(pool_.apply<List>("echo.list_i64", std::set<int>{3, 2, 1}), wanted);
  EXPECT_EQ(pool_.apply<List>("echo.list_i64", std::vector<std::uint8_t>{1, 2, 3}), wanted);
  using Map = std::map<std::string, std::int64_t>;
  EXPECT_EQ((pool_.apply<Map>("echo.map_text_i64", std::map<std::string, int>{{"a", 1}})), (Map{{"a", 1}}));
  EXPECT_EQ((pool_.apply<Map>("echo.map_text_i64", std::unordered_map<std::string, int>{{"a", 1}})), (Map{{"a", 1}}));
  EXPECT_EQ(pool_.apply<std::vector<Point>>("echo.list_point", std::deque<Point>{{1, 2}}),
            (std::vector<Point>{{1, 2}}));
}

TEST_F(ConversionTest, ElementsConvertInsideSetsAndArraysOfTheSameLength) {
  EXPECT_EQ(pool_.apply<std::set<std::int64_t>>("echo.set_i64", std::set<int>{3, 1}), (std::set<std::int64_t>{1, 3}));
  EXPECT_EQ((pool_.apply<std::array<std::int64_t, 3>>("echo.array_i64", std::array<int, 3>{1, 2, 3})),
            (std::array<std::int64_t, 3>{1, 2, 3}));
}

TEST_F(ConversionTest, ContainersOfAnotherShapeAreRefused) {
  using List = std::vector<std::int64_t>;
  EXPECT_THAT(refused<List>("echo.list_i64", std::vector<double>{1}),
              HasSubstr("list<f64> does not convert to list<i64>"));
  EXPECT_THAT(refused<List>("echo.list_i64", 5), HasSubstr("i32 does not convert to list<i64>"));
  EXPECT_THAT(refused<std::int64_t>("echo.i64", List{1}), HasSubstr("list<i64> does not convert to i64"));
  EXPECT_THAT((refused<std::array<std::int64_t, 3>>("echo.array_i64", std::array<std::int64_t, 2>{})),
              HasSubstr("array<i64,2> does not convert to array<i64,3>"));
  EXPECT_THAT((refused<List>("echo.list_i64", std::map<std::int64_t, std::int64_t>{})), HasSubstr("does not convert"));
}

TEST_F(ConversionTest, RefusalsNameBothSignaturesAndTheArgument) {
  try {
    (void)pool_.apply_async<std::int64_t>("echo.add", 1, "2");
    FAIL() << "nothing was thrown";
  } catch (const SignatureMismatch& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSignatureMismatch);
    EXPECT_EQ(error.argument(), 2);
    EXPECT_EQ(error.info().declared, "(i64,i64)->i64");
    EXPECT_EQ(error.info().called, "(i32,str)->i64");
    EXPECT_THAT(error.what(), HasSubstr("echo.add"));
    EXPECT_THAT(error.what(), HasSubstr("(i64,i64)->i64"));
    EXPECT_THAT(error.what(), HasSubstr("(i32,str)->i64"));
    EXPECT_THAT(error.what(), HasSubstr("argument 2"));
    EXPECT_NE(dynamic_cast<const std::invalid_argument*>(&error.as_std()), nullptr);
  }
}

TEST_F(ConversionTest, RefusalsOfAValueNameTheTaskAndTheArgument) {
  try {
    (void)pool_.apply_async<std::int64_t>("echo.add", 1, std::numeric_limits<std::uint64_t>::max());
    FAIL() << "nothing was thrown";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kArgument);
    EXPECT_THAT(error.what(), HasSubstr("echo.add"));
    EXPECT_EQ(error.argument(), 2);
  }
}

TEST_F(ConversionTest, AWrongNumberOfArgumentsIsRefused) {
  EXPECT_THAT(refused<std::int64_t>("echo.add", 1), HasSubstr("too few arguments"));
  EXPECT_THAT(refused<std::int64_t>("echo.add", 1, 2, 3), HasSubstr("too many arguments"));
  EXPECT_THAT(refused<std::int64_t>("echo.add"), HasSubstr("too few arguments"));
  EXPECT_THAT(refused<std::string>("echo.greet"), HasSubstr("too few arguments"));
}

TEST_F(ConversionTest, TrailingOptionalsMayBeLeftOut) {
  EXPECT_EQ(pool_.apply<std::string>("echo.greet", "you"), "hello you;");
  EXPECT_EQ(pool_.apply<std::string>("echo.greet", "you", "hi"), "hi you;");
  EXPECT_EQ(pool_.apply<std::string>("echo.greet", "you", "hi", 2), "hi you;hi you;");
  EXPECT_EQ(pool_.apply<std::string>("echo.greet", "you", std::optional<std::string>(), 2), "hello you;hello you;");
}

TEST_F(ConversionTest, ATrailingOptionalOfAUsersTypeMayBeLeftOutOrGivenPlainly) {
  EXPECT_EQ(pool_.apply<double>("echo.length_squared", Point{3, 4}, std::optional<Point>(Point{3, 0})), 16.0);
  EXPECT_EQ(pool_.apply<double>("echo.length_squared", Point{3, 4}), 25.0);
  EXPECT_EQ(pool_.apply<double>("echo.length_squared", Point{3, 4}, Point{3, 0}), 16.0);
}

TEST_F(ConversionTest, AUsersTypeWithOtherMembersIsRefused) {
  EXPECT_THAT(refused<other::Point>("echo.point", other::Point{1}), HasSubstr("other members"));
  EXPECT_THAT((refused<Point>("echo.point", other::Point{1})), HasSubstr("other members"));
}

TEST_F(ConversionTest, AUsersTypeWithOtherMembersIsRefusedWhereNoResultIsWanted) {
  EXPECT_THAT(refused<void>("echo.store", other::Point{1}), HasSubstr("other members"));
  EXPECT_THAT(refused<void>("echo.point", other::Point{1}), HasSubstr("other members"));
}

TEST_F(ConversionTest, AUsersTypeIsNoOtherType) {
  EXPECT_THAT(refused<Point>("echo.point", Shape{}), HasSubstr("Shape does not convert to Point"));
  EXPECT_THAT(refused<Point>("echo.point", 5), HasSubstr("i32 does not convert to Point"));
}

TEST_F(ConversionTest, ResultsWiden) {
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.i8", -5), -5);
  EXPECT_EQ(pool_.apply<std::int64_t>("echo.u32", 5), 5);
  EXPECT_EQ(pool_.apply<std::uint64_t>("echo.u8", 200), 200u);
  EXPECT_EQ(pool_.apply<std::int16_t>("echo.u8", 200), 200);
  EXPECT_EQ(pool_.apply<double>("echo.f32", 1.5f), 1.5);
  EXPECT_EQ(pool_.apply<double>("echo.i32", -7), -7.0);
  EXPECT_EQ(pool_.apply<float>("echo.i16", -7), -7.0f);
  EXPECT_EQ((pool_.map<std::int64_t>("echo.i32", std::vector<int>{1, -1})), (std::vector<std::int64_t>{1, -1}));
}

TEST_F(ConversionTest, ResultsNeverNarrow) {
  EXPECT_THAT(refused<std::int32_t>("echo.i64", 5), HasSubstr("does not widen to i32"));
  EXPECT_THAT(refused<std::int64_t>("echo.u64", 5), HasSubstr("does not widen to i64"));
  EXPECT_THAT(refused<std::uint64_t>("echo.i8", 5), HasSubstr("does not widen to u64"));
  EXPECT_THAT(refused<std::uint8_t>("echo.boolean", true), HasSubstr("does not widen to u8"));
  EXPECT_THAT(refused<float>("echo.f64", 5.0), HasSubstr("does not widen to f32"));
  EXPECT_THAT(refused<double>("echo.i64", 5), HasSubstr("does not widen to f64"));
  EXPECT_THAT(refused<std::string>("echo.i64", 5), HasSubstr("does not widen to str"));
  EXPECT_THAT(refused<std::int64_t>("echo.nothing"), HasSubstr("does not widen to i64"));
}

TEST_F(ConversionTest, AnyResultMayBeDiscarded) {
  pool_.apply<void>("echo.add", 2, 3);
  pool_.apply<void>("echo.point", Point{1, 2});
  pool_.map<void>("echo.i64", std::vector<int>{1, 2});
  EXPECT_THROW(pool_.apply<void>("echo.positive", -1), std::domain_error);
}

TEST_F(ConversionTest, ARefusalHasRunNothingAndThePoolGoesOn) {
  auto pool = engine_.pool({.processes = 1});
  EXPECT_THROW((void)pool.apply<std::int64_t>("echo.count", "1"), SignatureMismatch);
  EXPECT_THROW((void)pool.apply<std::int64_t>("echo.count", std::numeric_limits<std::uint64_t>::max()), ArgumentError);
  EXPECT_THROW((void)pool.map<std::int64_t>("echo.count", std::vector<std::uint64_t>{std::uint64_t{1} << 63}),
               ArgumentError);
  EXPECT_EQ(pool.apply<std::int64_t>("echo.count", 1), 1);
}

TEST_F(ConversionTest, TheSameCallSiteMayCallDifferentTasksAndPools) {
  auto second = engine_.pool({.processes = 1});
  const char* const tasks[] = {"echo.i64", "echo.positive", "echo.i32", "echo.u8"};
  for (int round = 0; round < 3; ++round) {
    for (Pool* pool : {&pool_, &second}) {
      for (const char* task : tasks) EXPECT_EQ(pool->apply<std::int64_t>(task, 7), 7) << task;
    }
  }
}

}  // namespace
}  // namespace bulkhead::test
