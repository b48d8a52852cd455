// GoogleTest's main, for programs that hold the tests of many files: --only=FILE runs those that this file defines.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace {

// A pattern for every suite of the file; empty: it has none.
std::string suites_of(std::string_view file) {
  std::string filter;
  const auto& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      const testing::TestInfo& test = *suite.GetTestInfo(j);
      if (std::string_view(test.file()).ends_with("/" + std::string(file))) {
        filter += std::string(suite.name()) + "." + test.name() + ":";
      }
    }
  }
  return filter;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  constexpr std::string_view kOnly = "--only=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kOnly)) {
      std::fprintf(stderr, "error: unknown argument \"%s\" (there are GoogleTest's, and --only=FILE)\n", argv[i]);
      return 2;
    }
    const std::string filter = suites_of(argument.substr(kOnly.size()));
    if (filter.empty()) {
      std::fprintf(stderr, "error: no test is defined in a file of the name in \"%s\"\n", argv[i]);
      return 2;
    }
    testing::GTEST_FLAG(filter) = filter;
  }
  return RUN_ALL_TESTS();
}
