#include "support/joined_path.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace bulkhead::support {
namespace {

TEST(JoinedPath, IsWhatPathsOwnOperatorSays) {
  for (const std::string folder : {"", "/", "a", "a/", "/a/b", "/a/b/", "a//", "."}) {
    for (const std::string name : {"", "b", "b/", "b/c", "/b", "..", ".hidden"}) {
      EXPECT_EQ(joined_path(folder, name), (std::filesystem::path(folder) / name).string())
          << folder << " and " << name;
    }
  }
}

}  // namespace
}  // namespace bulkhead::support
