#include "plugin/manifest_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manifest_testing.hpp"
#include "plugin/catalogue_note.hpp"

namespace bulkhead::plugin {
namespace {

Catalogue catalogue() {
  Catalogue catalogue;
  catalogue.add(
      parse_note("bulkhead\t1\t0\t0\t0\nplugin\timg\t1\t1\tg++\n"
                 "task\tresize\t()->void\t1\t0\t0\t-1\t0\t0\t\t\n",
                 "img.so"));
  return catalogue;
}

CaughtManifestError error_in_names(const char* toml) {
  return manifest_error_of([&] { check_names(parse_manifest(toml, "m.toml"), catalogue()); });
}

TEST(CheckNames, AcceptsNamesThatExist) {
  EXPECT_NO_THROW(check_names(parse_manifest("[pool]\ninitializer = \"img.resize\"\nplugins = [\"img\"]\n"
                                             "[[plugin]]\nname = \"img\"\n[task.img]\n[task.img.resize]\nretries = 1\n",
                                             "m.toml"),
                              catalogue()));
}

TEST(CheckNames, RefusesATableForNoPlugin) {
  EXPECT_EQ(error_in_names("[task.imgg]\nretries = 1\n").text,
            "no plugin \"imgg\" for [task.imgg]\n  --> m.toml:1:1\nhelp: did you mean \"img\"?");
}

TEST(CheckNames, RefusesATableForNoTask) {
  const auto error = error_in_names("[task.img.resise]\nretries = 1\n");
  EXPECT_EQ(error.info.line, 1);
  EXPECT_EQ(error.info.help, "did you mean \"img.resize\"?");
}

TEST(CheckNames, RefusesAnInitializerThatIsNoTask) {
  EXPECT_EQ(error_in_names("[pool]\ninitializer = \"resize\"\n").text,
            "no task \"resize\" for \"initializer\" in [pool]\n  --> m.toml:2:15\nhelp: did you mean "
            "\"img.resize\"?");
}

TEST(CheckNames, RefusesAPoolsPluginThatIsNotLoaded) {
  EXPECT_EQ(error_in_names("[pool]\nplugins = [\"text\"]\n[[plugin]]\nname = \"text\"\n").info.line, 2);
}

}  // namespace
}  // namespace bulkhead::plugin
