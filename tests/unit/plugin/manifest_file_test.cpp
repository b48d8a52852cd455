#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "bulkhead/manifest.hpp"
#include "manifest_testing.hpp"
#include "plugin_testing.hpp"

namespace bulkhead {
namespace {

namespace fs = std::filesystem;
using plugin::ScratchFolder;
using testing::HasSubstr;

constexpr const char* kText = "[pool]\nprocesses = 3\n";

// A world of its own below one folder: HOME is home/, /etc/bulkhead is etc/.
struct World {
  ScratchFolder root;
  std::map<std::string, std::string> variables{{"HOME", (root.path() / "home").string()}};
  fs::path working_directory = root.path() / "home/project/src";

  World() {
    fs::create_directories(working_directory);
    for (const char* name : {"home", "home/project", "home/project/src"}) {
      ::chmod((root.path() / name).c_str(), 0755);  // whatever the umask
    }
  }
  [[nodiscard]] std::optional<Manifest> find() const {
    return find_manifest({.working_directory = working_directory,
                          .environment = [this](const char* name) -> std::optional<std::string> {
                            const auto found = variables.find(name);
                            if (found == variables.end()) return std::nullopt;
                            return found->second;
                          },
                          .user = ::geteuid(),
                          .system_directory = root.path() / "etc"});
  }
  [[nodiscard]] std::string found_file() const {
    const auto manifest = find();
    return manifest ? manifest->file : "none";
  }
  [[nodiscard]] CaughtManifestError error() const {
    return manifest_error_of([this] { (void)find(); });
  }
};

TEST(FindManifest, FindsNoneWhereThereIsNone) {
  const World world;
  fs::create_directory(world.root.path() / "home/project/.git");
  EXPECT_EQ(world.found_file(), "none");
}

TEST(FindManifest, FindsOneInTheWorkingDirectory) {
  const World world;
  const auto file = world.root.write("home/project/src/bulkhead.toml", kText);
  const auto manifest = world.find();
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->file, file);
  EXPECT_EQ(manifest->origin, "found");
  EXPECT_EQ(manifest->processes.value, 3);
}

TEST(FindManifest, FindsOneInAParent) {
  const World world;
  const auto file = world.root.write("home/project/bulkhead.toml", kText);
  EXPECT_EQ(world.found_file(), file);
}

TEST(FindManifest, PrefersTheNearest) {
  const World world;
  world.root.write("home/project/bulkhead.toml", kText);
  const auto file = world.root.write("home/project/src/bulkhead.toml", kText);
  EXPECT_EQ(world.found_file(), file);
}

TEST(FindManifest, LooksIntoTheRepositorysTopButNotAbove) {
  const World world;
  world.root.write("home/bulkhead.toml", kText);
  fs::create_directory(world.root.path() / "home/project/.git");
  EXPECT_EQ(world.found_file(), "none");
  const auto file = world.root.write("home/project/bulkhead.toml", kText);
  EXPECT_EQ(world.found_file(), file);
}

TEST(FindManifest, LooksIntoHomeButNotAbove) {
  const World world;
  world.root.write("bulkhead.toml", kText);
  EXPECT_EQ(world.found_file(), "none");
  const auto file = world.root.write("home/bulkhead.toml", kText);
  EXPECT_EQ(world.found_file(), file);
}

TEST(FindManifest, PrefersTheEnvironmentsOne) {
  World world;
  world.root.write("home/project/src/bulkhead.toml", kText);
  const auto file = world.root.write("other.toml", kText);
  world.variables["BULKHEAD_MANIFEST"] = file;
  const auto manifest = world.find();
  ASSERT_TRUE(manifest);
  EXPECT_EQ(manifest->file, file);
  EXPECT_EQ(manifest->origin, "BULKHEAD_MANIFEST");
}

TEST(FindManifest, IgnoresAnEmptyVariable) {
  World world;
  world.variables["BULKHEAD_MANIFEST"] = "";
  EXPECT_EQ(world.found_file(), "none");
}

TEST(FindManifest, TellsWhenTheEnvironmentsOneIsMissing) {
  World world;
  world.variables["BULKHEAD_MANIFEST"] = (world.root.path() / "missing.toml").string();
  EXPECT_THAT(world.error().text, HasSubstr("cannot read the manifest: No such file"));
}

TEST(FindManifest, FallsBackToTheUsersAndThenTheSystems) {
  World world;
  const auto system = world.root.write("etc/bulkhead.toml", kText);
  EXPECT_EQ(world.found_file(), system);
  const auto user = world.root.write("home/.config/bulkhead/bulkhead.toml", kText);
  EXPECT_EQ(world.found_file(), user);
  const auto moved = world.root.write("config/bulkhead/bulkhead.toml", kText);
  world.variables["XDG_CONFIG_HOME"] = (world.root.path() / "config").string();
  EXPECT_EQ(world.found_file(), moved);
}

TEST(FindManifest, RefusesAFileThatOthersMayWrite) {
  const World world;
  const auto file = world.root.write("home/project/bulkhead.toml", kText);
  ::chmod(file.c_str(), 0646);
  const auto error = world.error();
  EXPECT_THAT(error.text, HasSubstr("not trusted: it may be written by everybody"));
  EXPECT_THAT(error.text, HasSubstr("  --> " + file.string() + "\n"));
  EXPECT_THAT(error.info.help, HasSubstr("name it with -m"));
}

TEST(FindManifest, RefusesAFolderThatOthersMayWriteUnlessItIsSticky) {
  const World world;
  const auto file = world.root.write("home/project/bulkhead.toml", kText);
  ::chmod(file.parent_path().c_str(), 0777);
  EXPECT_THAT(world.error().text, HasSubstr("its folder may be written by everybody"));
  ::chmod(file.parent_path().c_str(), 01777);
  EXPECT_EQ(world.found_file(), file);
}

TEST(FindManifest, AcceptsAGroupOfOnesOwnOnly) {
  const World world;
  const auto file = world.root.write("home/project/bulkhead.toml", kText);
  ::chmod(file.c_str(), 0664);
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  if (status.st_gid == status.st_uid) {
    EXPECT_EQ(world.found_file(), file);
    if (::geteuid() != 0) return;
    ASSERT_EQ(::chown(file.c_str(), 0, 12'345), 0);
  }
  EXPECT_THAT(world.error().text, HasSubstr("may be written by its group"));
}

TEST(FindManifest, RefusesAFileOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make a file of another user";
  const World world;
  const auto file = world.root.write("home/project/bulkhead.toml", kText);
  ASSERT_EQ(::chown(file.c_str(), 12'345, 12'345), 0);
  EXPECT_THAT(world.error().text, HasSubstr("belongs to another user (uid 12345)"));
}

TEST(FindManifest, RefusesAFolderOrALinkOfAnotherUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make a file of another user";
  const World world;
  const auto real = world.root.write("real.toml", kText);
  const auto link = world.root.path() / "home/project/bulkhead.toml";
  fs::create_symlink(real, link);
  EXPECT_EQ(world.found_file(), link);
  ASSERT_EQ(::lchown(link.c_str(), 12'345, 12'345), 0);
  EXPECT_THAT(world.error().text, HasSubstr("the symbolic link belongs to another user"));
  ASSERT_EQ(::lchown(link.c_str(), 0, 0), 0);
  ASSERT_EQ(::chown(link.parent_path().c_str(), 12'345, 12'345), 0);
  EXPECT_THAT(world.error().text, HasSubstr("its folder belongs to another user"));
}

TEST(FindManifest, JudgesWhatALinkLeadsTo) {
  const World world;
  const auto real = world.root.write("real.toml", kText);
  ::chmod(real.c_str(), 0666);
  fs::create_symlink(real, world.root.path() / "home/project/bulkhead.toml");
  EXPECT_THAT(world.error().text, HasSubstr("it may be written by everybody"));
}

TEST(FindManifest, AsksNoQuestionsAboutOneThatWasNamed) {
  const ScratchFolder folder;
  const auto file = folder.write("bulkhead.toml", kText);
  ::chmod(file.c_str(), 0666);
  const Manifest manifest = read_manifest(file);
  EXPECT_EQ(manifest.processes.value, 3);
  EXPECT_EQ(manifest.origin, "");
}

TEST(ReadManifest, TellsAMissingFileWithoutALine) {
  const auto error = manifest_error_of([] { (void)read_manifest("nowhere.toml"); });
  EXPECT_EQ(error.text,
            "cannot read the manifest: No such file or directory\n  --> nowhere.toml\nhelp: correct "
            "the path, or leave it out");
  EXPECT_EQ(error.info.line, 0);
}

TEST(ReadManifest, RefusesFoldersAndFifosWithoutWaiting) {
  const ScratchFolder folder;
  EXPECT_THAT(manifest_error_of([&] { (void)read_manifest(folder.path()); }).text, HasSubstr("not a regular file"));
  const auto fifo = folder.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(manifest_error_of([&] { (void)read_manifest(fifo); }).text, HasSubstr("not a regular file"));
}

TEST(ReadManifest, RefusesAHugeFileWithoutReadingItAll) {
  const ScratchFolder folder;
  const auto file = folder.write("bulkhead.toml", "");
  ASSERT_EQ(::truncate(file.c_str(), off_t{1} << 40), 0);  // sparse
  EXPECT_THAT(manifest_error_of([&] { (void)read_manifest(file); }).text, HasSubstr("larger than 1MiB"));
}

TEST(ManifestSearch, OfThisProcessIsItsDirectoryAndUser) {
  const ManifestSearch search = ManifestSearch::of_this_process();
  EXPECT_EQ(search.working_directory, fs::current_path());
  EXPECT_EQ(search.user, ::geteuid());
  EXPECT_EQ(search.environment("BULKHEAD_TEST_SURELY_UNSET"), std::nullopt);
  EXPECT_TRUE(search.environment("PATH"));
}

}  // namespace
}  // namespace bulkhead
