// Arguments of types that the SDK has no encoding for, but that convert to a declared one element by element.
#include <array>
#include <ranges>
#include <span>

#include "engine_fixture.hpp"

namespace bulkhead::test {
namespace {

class ForeignTypeTest : public EngineTest {};
using List = std::vector<std::int64_t>;
using Texts = std::vector<std::string>;

TEST_F(ForeignTypeTest, ArraysViewsAndRangesGoToLists) {
  const List wanted{1, 2, 3};
  const int raw[] = {1, 2, 3};
  EXPECT_EQ(pool_.apply<List>("echo.list_i64", raw), wanted);
  EXPECT_EQ(pool_.apply<List>("echo.list_i64", std::span<const int>(raw)), wanted);
  EXPECT_EQ(pool_.apply<List>("echo.list_i64", std::views::iota(1, 4)), wanted);
}

TEST_F(ForeignTypeTest, TextInsideContainersConverts) {
  EXPECT_EQ(pool_.apply<Texts>("echo.list_text", std::vector<const char*>{"a", "b"}), (Texts{"a", "b"}));
  EXPECT_EQ(pool_.apply<Texts>("echo.list_text", std::array<std::string_view, 2>{"a", "b"}), (Texts{"a", "b"}));
  using Tuple = std::tuple<std::int64_t, std::string, double>;
  EXPECT_EQ(pool_.apply<Tuple>("echo.tuple", std::tuple(1, "two", 3.0f)), Tuple(1, "two", 3.0));
}

TEST_F(ForeignTypeTest, TextInsideElementsOfAMapConverts) {
  EXPECT_EQ(pool_.map<std::string>("echo.text", std::array<const char*, 2>{"a", "b"}), (Texts{"a", "b"}));
  const std::vector<std::pair<const char*, const char*>> pairs{{"you", "hi"}};
  EXPECT_EQ(pool_.starmap<std::string>("echo.greet", pairs), Texts{"hi you;"});
}

TEST_F(ForeignTypeTest, IsRefusedWhereItsElementsDoNotConvert) {
  EXPECT_THROW((void)pool_.apply<std::string>("echo.tuple", std::pair(1, "two")), SignatureMismatch);
  EXPECT_THROW((void)pool_.apply<List>("echo.list_i64", std::vector<const char*>{"a"}), SignatureMismatch);
}

}  // namespace
}  // namespace bulkhead::test
