// BULKHEAD_EXCEPTION: a plugin's own exception types in the host.
#include "engine_fixture.hpp"
#include "raise/raise_types.hpp"

BULKHEAD_EXCEPTION(geo::OnlyInTheHost)

namespace bulkhead::test {
namespace {

class ExceptionTest : public ::testing::Test {
 protected:
  // What `call` throws, as an E.
  template <class E, class Call>
  static E caught(Call call) {
    try {
      call();
    } catch (const E& error) {
      return error;
    }
    throw std::logic_error("nothing was thrown");
  }

  Engine engine_ = Engine::from_plugins({fixture_plugin("raise")});
  Pool pool_ = engine_.pool({.processes = 1});
};

TEST_F(ExceptionTest, IsItsOwnTypeATaskErrorAndAStandardException) {
  const auto call = [&] { pool_.apply<void>("raise.no_route", "to the moon"); };
  EXPECT_THROW(call(), geo::NoRoute);
  EXPECT_THROW(call(), TaskError);
  EXPECT_THROW(call(), std::runtime_error);
  EXPECT_THROW(call(), std::exception);
  try {
    call();
  } catch (const TaskError& error) {
    EXPECT_EQ(error.type_name(), "geo::NoRoute");
    EXPECT_EQ(error.text(), "to the moon");
    EXPECT_EQ(error.task(), "raise.no_route");
    EXPECT_NE(dynamic_cast<const geo::NoRoute*>(&error), nullptr);
    EXPECT_EQ(static_cast<const std::exception&>(error).what(), error.what());
  }
  try {
    call();
  } catch (const geo::NoRoute& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("to the moon"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("raise.no_route"));
  }
}

TEST_F(ExceptionTest, CarriesItsMembers) {
  const auto error = caught<geo::BadMap>([&] {
    pool_.apply<void>("raise.bad_map", "B7", std::vector<std::int64_t>{3, -4, 5});
  });
  EXPECT_EQ(error.sheet, "B7");
  EXPECT_EQ(error.lines, (std::vector<std::int64_t>{3, -4, 5}));
}

TEST_F(ExceptionTest, IsMadeFromItsTextAndItsMembersWhereItHasBoth) {
  const auto error = caught<geo::Both>([&] { pool_.apply<void>("raise.both", "the text", 42); });
  EXPECT_EQ(error.depth, 42);
  EXPECT_EQ(error.code(), std::errc::io_error);
}

TEST_F(ExceptionTest, KeepsTheCausesNestedInIt) {
  try {
    pool_.apply<void>("raise.nested", "C1");
    FAIL() << "nothing was thrown";
  } catch (const TaskError& error) {
    ASSERT_EQ(error.causes().size(), 1u);
    EXPECT_EQ(error.causes()[0].type, "geo::NoRoute");
    EXPECT_EQ(error.causes()[0].text, "to C1");
    const auto* own = dynamic_cast<const geo::BadMap*>(&error);
    ASSERT_NE(own, nullptr);
    EXPECT_EQ(own->lines, (std::vector<std::int64_t>{1, 2}));
  }
}

TEST_F(ExceptionTest, IsThrownAnewAtEachGet) {
  const auto result = pool_.apply_async<void>("raise.bad_map", "B7", std::vector<std::int64_t>{1});
  for (int i = 0; i < 3; ++i) EXPECT_THROW(result.get(), geo::BadMap);
}

TEST_F(ExceptionTest, ThatTheHostDoesNotNameIsAPlainTaskError) {
  const auto call = [&] { pool_.apply<void>("raise.only_in_the_plugin"); };
  EXPECT_THROW(call(), TaskError);
  EXPECT_THROW(call(), std::runtime_error);
  EXPECT_THAT(text_thrown<TaskError>(call), ::testing::HasSubstr("unknown elsewhere [geo::OnlyInThePlugin]"));
}

TEST_F(ExceptionTest, ThatOnlyTheHostNamesIsMadeFromItsText) {
  EXPECT_THROW(pool_.apply<void>("raise.only_in_the_host"), geo::OnlyInTheHost);
}

TEST_F(ExceptionTest, WithOtherMembersInThePluginIsAPlainTaskError) {
  try {
    pool_.apply<void>("raise.versioned");
    FAIL() << "nothing was thrown";
  } catch (const TaskError& error) {
    EXPECT_EQ(error.type_name(), "geo::Versioned");
    EXPECT_EQ(dynamic_cast<const geo::Versioned*>(&error), nullptr);
  }
}

TEST_F(ExceptionTest, OfADerivedTypeIsAPlainTaskError) {
  try {
    pool_.apply<void>("raise.derived");
    FAIL() << "nothing was thrown";
  } catch (const TaskError& error) {
    EXPECT_EQ(error.text(), "of a derived type");
    EXPECT_EQ(dynamic_cast<const geo::NoRoute*>(&error), nullptr);
  }
}

TEST_F(ExceptionTest, TooLargeToTravelIsATaskErrorWithTypeAndText) {
  EXPECT_EQ(caught<geo::BadMap>([&] { pool_.apply<void>("raise.huge", 2000); }).lines.size(), 2000u);
  for (const int count : {10'000, 1'000'000}) {
    try {
      pool_.apply<void>("raise.huge", count);
      FAIL() << "nothing was thrown";
    } catch (const TaskError& error) {
      EXPECT_EQ(error.type_name(), "geo::BadMap");
      EXPECT_EQ(error.text(), "sheet huge");
    }
  }
}

TEST_F(ExceptionTest, ReachesErrorCallbacksAsItsOwnType) {
  std::string sheet;
  const auto result = pool_.apply_async<void>("raise.bad_map",
                                              {.on_error =
                                                   [&](const Error& error) {
                                                     const auto* own = dynamic_cast<const geo::BadMap*>(&error);
                                                     if (own != nullptr) sheet = own->sheet;
                                                   }},
                                              "B7", std::vector<std::int64_t>{});
  result.wait();
  EXPECT_EQ(sheet, "B7");
}

}  // namespace
}  // namespace bulkhead::test
