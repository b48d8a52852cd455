#include "process/worker_program.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "bulkhead/error.hpp"

namespace bulkhead::process {
namespace {

namespace fs = std::filesystem;

class FindWorkerProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "bulkhead-test-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    if (const char* const old = std::getenv("BULKHEAD_WORKER")) old_ = old;
    ::unsetenv("BULKHEAD_WORKER");
  }
  void TearDown() override {
    if (old_.empty()) {
      ::unsetenv("BULKHEAD_WORKER");
    } else {
      ::setenv("BULKHEAD_WORKER", old_.c_str(), 1);
    }
    fs::remove_all(folder_);
  }
  fs::path make_file(const std::string& name, mode_t mode) {
    const fs::path path = folder_ / name;
    std::ofstream(path) << "x";
    ::chmod(path.c_str(), mode);
    return path;
  }
  static std::string error_of(const std::optional<fs::path>& option) {
    try {
      static_cast<void>(find_worker_program(option));
    } catch (const ResourceError& error) {
      return error.what();
    }
    return {};
  }

  fs::path folder_;
  std::string old_;
};

TEST_F(FindWorkerProgram, TakesTheOptionBeforeTheEnvironment) {
  const auto option = make_file("option", 0755);
  ::setenv("BULKHEAD_WORKER", make_file("variable", 0755).c_str(), 1);
  EXPECT_EQ(find_worker_program(option), option);
}

TEST_F(FindWorkerProgram, TakesTheEnvironmentWithoutAnOption) {
  const auto variable = make_file("variable", 0755);
  ::setenv("BULKHEAD_WORKER", variable.c_str(), 1);
  EXPECT_EQ(find_worker_program(std::nullopt), variable);
}

TEST_F(FindWorkerProgram, NeverReplacesAnOptionThatDoesNotExist) {
  ::setenv("BULKHEAD_WORKER", make_file("variable", 0755).c_str(), 1);
  const std::string error = error_of(folder_ / "absent");
  EXPECT_NE(error.find((folder_ / "absent").string()), std::string::npos) << error;
  EXPECT_NE(error.find("No such file or directory"), std::string::npos) << error;
}

TEST_F(FindWorkerProgram, RefusesAFolder) {
  EXPECT_NE(error_of(folder_).find("not a regular file"), std::string::npos) << error_of(folder_);
}

TEST_F(FindWorkerProgram, RefusesAFileThatCannotBeExecuted) {
  const auto plain = make_file("plain", 0644);
  EXPECT_NE(error_of(plain).find("Permission denied"), std::string::npos) << error_of(plain);
}

TEST_F(FindWorkerProgram, FindsTheProgramBesideTheExecutable) {
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path() / "bulkhead-worker";
  if (fs::exists(beside)) {
    EXPECT_EQ(find_worker_program(std::nullopt), beside);
    return;
  }
  std::ofstream(beside) << "x";
  ::chmod(beside.c_str(), 0755);
  EXPECT_EQ(find_worker_program(std::nullopt), beside);
  fs::remove(beside);
  const std::string error = error_of(std::nullopt);
  EXPECT_NE(error.find(beside.string()), std::string::npos) << "all places are listed: " << error;
  EXPECT_NE(error.find("beside the executable"), std::string::npos) << error;
  EXPECT_NE(error.find("$BULKHEAD_WORKER"), std::string::npos) << error;
}

}  // namespace
}  // namespace bulkhead::process
