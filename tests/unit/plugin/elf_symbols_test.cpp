#include "plugin/elf_symbols.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/resource.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>

#include "plugin_testing.hpp"
#include "support/unique_fd.hpp"

namespace bulkhead::plugin {

// Not in the nameless namespace, so that its name is known here.
[[gnu::noinline]] int a_function_of_this_test(int value) { return value + 1; }

namespace {

support::UniqueFd open_file(const std::filesystem::path& path) {
  return support::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

// As this program's file counts it.
std::uint64_t place_of_function() {
  dl_find_object found;
  auto* const address = reinterpret_cast<void*>(&a_function_of_this_test);
  EXPECT_EQ(::_dl_find_object(address, &found), 0);
  return reinterpret_cast<std::uint64_t>(address) - found.dlfo_link_map->l_addr;
}

TEST(ElfSymbols, FindAFunctionOfAProgram) {
  const auto fd = open_file("/proc/self/exe");
  const ElfSymbols symbols(fd.get());
  const std::string name = "bulkhead::plugin::a_function_of_this_test(int)";
  EXPECT_EQ(symbols.find(place_of_function()), name);
  EXPECT_EQ(symbols.find(place_of_function() + 1), name);
  EXPECT_EQ(symbols.find(0), "");
  EXPECT_EQ(symbols.find(~std::uint64_t{0}), "");
}

TEST(ElfSymbols, FindWhatAStrippedLibraryExports) {
  dl_find_object found;
  auto* const address = ::dlsym(RTLD_DEFAULT, "abort");
  ASSERT_NE(address, nullptr);
  Dl_info info{};
  ASSERT_NE(::dladdr(address, &info), 0);
  ASSERT_EQ(::_dl_find_object(info.dli_saddr, &found), 0);
  const auto fd = open_file(found.dlfo_link_map->l_name);
  const auto place = reinterpret_cast<std::uint64_t>(info.dli_saddr) - found.dlfo_link_map->l_addr;
  EXPECT_NE(ElfSymbols(fd.get()).find(place), "");
}

TEST(ElfSymbols, AreNoneInWhatIsNoElfFile) {
  const ScratchFolder folder;
  for (const char* text : {"", "text",
                           "\x7f"
                           "ELF"}) {
    const auto fd = open_file(folder.write("file", text));
    EXPECT_EQ(ElfSymbols(fd.get()).find(0x1000), "");
  }
  EXPECT_EQ(ElfSymbols(-1).find(0x1000), "");
}

TEST(ElfSymbols, AreReadFromAnyDamagedFile) {
  const ScratchFolder folder;
  const std::string good = bytes_of(malformed_plugin("plain"));
  ASSERT_FALSE(good.empty());
  std::mt19937 random(7);
  for (int round = 0; round < 600; ++round) {
    std::string bad = good;
    if (round % 2 == 0) bad.resize(random() % bad.size());
    // Half of the damage goes to the headers: the section table is at the end.
    for (int i = 0; i < 16 && !bad.empty(); ++i) {
      const std::size_t far = bad.size() - 1 - random() % std::min<std::size_t>(bad.size(), 4096);
      bad[i % 2 == 0 ? random() % std::min<std::size_t>(bad.size(), 64) : far] = static_cast<char>(random());
    }
    if (bad.size() > 16 && round % 4 == 1) bad.replace(0, 16, good, 0, 16);
    const auto fd = open_file(folder.write("bad.so", bad));
    const ElfSymbols symbols(fd.get());
    for (std::uint64_t place = 0; place < 0x4000; place += 0x40) (void)symbols.find(place);
  }
}

TEST(ElfSymbols, OfATableThatIsNotThereCostNothing) {
  const ScratchFolder folder;
  std::string bytes = bytes_of(malformed_plugin("plain"));
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    char* const at = bytes.data() + header.e_shoff + i * sizeof(Elf64_Shdr);
    Elf64_Shdr section;
    std::memcpy(&section, at, sizeof section);
    if (section.sh_type == SHT_SYMTAB || section.sh_type == SHT_DYNSYM) section.sh_size = 64u << 20;
    std::memcpy(at, &section, sizeof section);
  }
  const auto fd = open_file(folder.write("claims.so", bytes));
  rusage before{};
  ::getrusage(RUSAGE_SELF, &before);
  (void)ElfSymbols(fd.get()).find(0x1000);
  rusage after{};
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 32 << 10) << "KiB";
}

std::vector<std::string> exports_of(const char* name) {
  const auto fd = open_file(malformed_plugin(name));
  return read_exports(fd.get()).all;
}

TEST(ElfExports, AreWhatAPluginShowsBesideItsEntryPoint) {
  EXPECT_EQ(exports_of("plain"), std::vector<std::string>{});
  EXPECT_EQ(exports_of("undefined_symbol"), std::vector<std::string>{"use_it"});
}

TEST(ElfExports, AreNoneInWhatIsNoElfFile) {
  const ScratchFolder folder;
  const auto fd = open_file(folder.write("x.so", "text"));
  EXPECT_TRUE(read_exports(fd.get()).all.empty());
}

}  // namespace
}  // namespace bulkhead::plugin
