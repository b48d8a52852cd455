#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include "bulkhead/sdk/json_text.hpp"
#include "bulkhead/types.hpp"
#include "protocol/envelope.hpp"

namespace sheet {
struct Torn : std::underflow_error {
  Torn() : std::underflow_error("torn") {}
  std::int64_t line = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(line);
    if (line < 0) throw std::out_of_range("a line before the first");
  }
};
}  // namespace sheet
BULKHEAD_EXCEPTION(sheet::Torn)

namespace bulkhead::protocol {
namespace {

using ::testing::HasSubstr;

// Throws what the caller of a task would see.
[[noreturn]] void rethrow(ErrorEnvelope envelope) {
  std::rethrow_exception(envelope_to_task_error(std::move(envelope), "math.divide", 7, 4242));
}

template <class Expected>
std::string what_as(ErrorEnvelope envelope) {
  try {
    rethrow(std::move(envelope));
  } catch (const Expected& error) {
    return error.what();
  } catch (...) {
    return "(another type)";
  }
}

TaskError::Info info_of(ErrorEnvelope envelope) {
  try {
    rethrow(std::move(envelope));
  } catch (const TaskError& error) {
    return error.info();
  }
}

template <class Std>
class RebuiltException : public ::testing::Test {};
struct Names {
  template <class T>
  static std::string GetName(int) {
    return ::testing::internal::GetTypeName<T>();
  }
};
using Standard = ::testing::Types<std::runtime_error, std::logic_error, std::invalid_argument, std::domain_error,
                                  std::length_error, std::out_of_range, std::range_error, std::overflow_error,
                                  std::underflow_error, std::bad_alloc, std::bad_array_new_length>;
TYPED_TEST_SUITE(RebuiltException, Standard, Names);

TYPED_TEST(RebuiltException, IsCaughtAsItsOwnTypeAsTaskErrorAndAsStdException) {
  const ErrorEnvelope envelope{Phase::kRun, ::testing::internal::GetTypeName<TypeParam>(), "no", ""};
  const std::string what = "task \"math.divide\" failed: no [" + ::testing::internal::GetTypeName<TypeParam>() + "]";
  EXPECT_EQ(what_as<TypeParam>(envelope), what);
  EXPECT_EQ(what_as<TaskError>(envelope), what);
  EXPECT_EQ(what_as<std::exception>(envelope), what);
  EXPECT_EQ(what_as<Error>(envelope), what);
}

TEST(RebuiltTaskError, TellsTaskTypeTextAndWorker) {
  const auto info = info_of({Phase::kRun, "std::domain_error", "division by zero", ""});
  EXPECT_EQ(info.task, "math.divide");
  EXPECT_EQ(info.type_name, "std::domain_error");
  EXPECT_EQ(info.text, "division by zero");
  EXPECT_EQ(info.phase, Phase::kRun);
  EXPECT_EQ(info.task_id, 7u);
  EXPECT_EQ(info.worker_pid, 4242);
}

TEST(RebuiltTaskError, IsARuntimeErrorForTypesItDoesNotKnow) {
  EXPECT_EQ(what_as<std::runtime_error>({Phase::kRun, "app::MyError", "no", ""}),
            "task \"math.divide\" failed: no [app::MyError]");
  EXPECT_EQ(what_as<std::runtime_error>({Phase::kRun, "int", "", ""}), "task \"math.divide\" failed: int");
  EXPECT_EQ(what_as<std::runtime_error>({Phase::kRun, "", "", ""}), "task \"math.divide\" failed: no reason was given");
}

TEST(RebuiltTaskError, TellsThatTheStateCouldNotBeMade) {
  const ErrorEnvelope envelope{Phase::kInit, "std::runtime_error", "no such model", ""};
  EXPECT_EQ(what_as<TaskError>(envelope),
            "task \"math.divide\" could not make its state: no such model [std::runtime_error]");
  EXPECT_EQ(info_of(envelope).phase, Phase::kInit);
}

TEST(RebuiltTaskError, ListsNestedCauses) {
  const ErrorEnvelope envelope{Phase::kRun, "std::runtime_error", "cannot load",
                               R"({"causes":[{"type":"std::out_of_range","text":"at"},{"type":"Odd"},7]})"};
  EXPECT_EQ(what_as<TaskError>(envelope),
            "task \"math.divide\" failed: cannot load [std::runtime_error]"
            "; caused by: at [std::out_of_range]; caused by: Odd");
  const auto info = info_of(envelope);
  ASSERT_EQ(info.causes.size(), 2u);
  EXPECT_EQ(info.causes[0].type, "std::out_of_range");
  EXPECT_EQ(info.causes[0].text, "at");
}

TEST(RebuiltTaskError, KeepsAtMostSixtyFourCauses) {
  std::string json = R"({"causes":[{"type":"T"})";
  for (int i = 0; i < 500; ++i) json += R"(,{"type":"T"})";
  EXPECT_EQ(info_of({Phase::kRun, "T", "", json + "]}"}).causes.size(), 64u);
}

TEST(RebuiltTaskError, IsASystemErrorWithItsCode) {
  const auto code_of = [](const std::string& category, int value) {
    try {
      rethrow({Phase::kRun, "std::filesystem::__cxx11::filesystem_error", "x",
               R"({"category":")" + category + R"(","code":)" + std::to_string(value) + "}"});
    } catch (const std::system_error& error) {
      return error.code();
    }
  };
  EXPECT_EQ(code_of("generic", ENOENT), std::errc::no_such_file_or_directory);
  EXPECT_EQ(code_of("system", EACCES), std::error_code(EACCES, std::system_category()));
  EXPECT_NE(code_of("http", ENOENT), std::error_code(ENOENT, std::generic_category()));
  EXPECT_STREQ(code_of("http", ENOENT).category().name(), "foreign");
  EXPECT_EQ(info_of({Phase::kRun, "T", "", R"({"category":"http","code":404})"}).category, "http");
  EXPECT_EQ(info_of({Phase::kRun, "T", "", R"({"category":"http","code":404})"}).value, 404);
}

TEST(RebuiltTaskError, IgnoresDetailsThatAreNotWhatTheyShouldBe) {
  const char* const cases[] = {"{",
                               "[]",
                               "null",
                               "7",
                               "\xff",
                               "{\"causes\":{}}",
                               "{\"causes\":[[[[]]]]}",
                               R"({"category":"generic","code":99999999999})",
                               R"({"category":"generic","code":"2"})",
                               R"({"category":"generic","code":2.5})",
                               R"({"category":7,"code":2})",
                               R"({"cut":true})"};
  for (const char* json : cases) {
    EXPECT_EQ(what_as<std::domain_error>({Phase::kRun, "std::domain_error", "no", json}),
              "task \"math.divide\" failed: no [std::domain_error]")
        << json;
  }
}

TEST(RebuiltTaskError, SurvivesDetailsThatNestDeeply) {
  const std::string json(kMaxErrorDetailBytes, '[');
  EXPECT_THAT(what_as<TaskError>({Phase::kRun, "T", "no", json}), HasSubstr("no [T]"));
  std::string nested = R"({"causes":)" + std::string(30'000, '[') + std::string(30'000, ']') + "}";
  EXPECT_THAT(what_as<TaskError>({Phase::kRun, "T", "no", nested}), HasSubstr("no [T]"));
}

TEST(RebuiltPayloadError, NamesTaskPhaseAndCause) {
  EXPECT_EQ(what_as<PayloadError>({Phase::kDecode, "bulkhead::DecodeError", "3 bytes left over", ""}),
            "task \"math.divide\" could not decode its arguments (phase decode): 3 bytes left over");
  EXPECT_EQ(what_as<PayloadError>({Phase::kEncode, "", "result larger than 2 GiB", ""}),
            "task \"math.divide\" could not encode its result (phase encode): result larger than 2 GiB");
  EXPECT_EQ(what_as<std::runtime_error>({Phase::kEncode, "", "too deep", ""}),
            "task \"math.divide\" could not encode its result (phase encode): too deep");
}

// --- types named by BULKHEAD_EXCEPTION

// As the plugin tells a sheet::Torn.
ErrorEnvelope torn(std::int64_t line) {
  sdk::BufferSink bytes;
  sdk::write(bytes, sdk::exception_shape<sheet::Torn>(), line);
  ErrorEnvelope envelope{.phase = Phase::kRun, .type = "sheet::Torn", .text = "torn", .detail_json = "{\"members\":\""};
  sdk::append_base64(envelope.detail_json, {reinterpret_cast<const char*>(bytes.bytes().data()), bytes.bytes().size()});
  envelope.detail_json += "\"}";
  return envelope;
}

TEST(NamedException, IsRebuiltFromItsMembers) {
  try {
    rethrow(torn(42));
  } catch (const sheet::Torn& error) {
    EXPECT_EQ(error.line, 42);
    EXPECT_THAT(error.what(), HasSubstr("torn [sheet::Torn]"));
  }
}

TEST(NamedException, WhoseMembersAreNotWhatTheyShouldBeIsAPlainTaskError) {
  const std::string good = torn(1).detail_json;
  for (const std::string& details :
       {std::string(), std::string("{}"), std::string("{\"members\":7}"), std::string("{\"members\":\"\"}"),
        std::string("{\"members\":\"????\"}"), std::string("{\"members\":\"AAAA\"}"),
        std::string("{\"members\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}"), good.substr(0, good.size() / 2)}) {
    ErrorEnvelope envelope = torn(1);
    envelope.detail_json = details;
    EXPECT_EQ(what_as<sheet::Torn>(envelope), "(another type)") << details;
    EXPECT_THAT(what_as<TaskError>(envelope), HasSubstr("torn")) << details;
  }
}

TEST(NamedException, WhoseOwnCodeThrowsIsAPlainTaskError) {
  EXPECT_EQ(what_as<sheet::Torn>(torn(-1)), "(another type)");
  EXPECT_THAT(what_as<std::runtime_error>(torn(-1)), HasSubstr("torn"));
}

}  // namespace
}  // namespace bulkhead::protocol
