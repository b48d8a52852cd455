#include "plugin/toml_depth.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bulkhead::plugin {
namespace {

bool is_long(std::string_view toml) { return find_long_key(toml, 3).has_value(); }

TEST(FindLongKey, CountsThePartsOfKeysAndTables) {
  EXPECT_FALSE(is_long("a.b.c = 1\n[a.b.c]\nx = { a.b.c = 1 }\n"));
  EXPECT_TRUE(is_long("a.b.c.d = 1\n"));
  EXPECT_TRUE(is_long("[a.b.c.d]\n"));
  EXPECT_TRUE(is_long("[[a . \"b\" . 'c' . d]]\n"));
  EXPECT_TRUE(is_long("x = { a.b.c.d = 1 }\n"));
}

TEST(FindLongKey, TellsThePlace) {
  const auto place = find_long_key("# one\n\"\"\"\n\"\"\"\n  a.b.c.d = 1\n", 3);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->line, 4);
  EXPECT_EQ(place->column, 8);
}

TEST(FindLongKey, IgnoresDotsInStringsNumbersAndComments) {
  EXPECT_FALSE(is_long("a = \"......\"\nb = '......'\n# ......\n"));
  EXPECT_FALSE(is_long("a = \"\"\"\n...\\\"\"\"...\n\"\"\"\nb = '''\n...'...\n'''\n"));
  EXPECT_FALSE(is_long("a = [1.0, 2.0, 3.0, 4.0, 5.0, { b = 1.5 }]\n"));
  EXPECT_FALSE(is_long("a = \"\"\"x\"\"\"\"\"\nb = 1\n"));
}

TEST(FindLongKey, SurvivesUnclosedStrings) {
  for (const char* toml : {"\"", "'", "\"\\", "\"\"\"", "'''", "\"\"\"\\", "a = \"\\\\"}) {
    EXPECT_FALSE(is_long(toml)) << toml;
  }
}

TEST(FindLongKey, GoesOnBehindABrokenString) { EXPECT_TRUE(is_long("a = \"x\nb.c.d.e = 1\n")); }

}  // namespace
}  // namespace bulkhead::plugin
