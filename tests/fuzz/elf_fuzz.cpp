// Files that claim to be plugins: headers, segments and notes, the names of functions for backtraces, and what is exported.
#include "bulkhead/error.hpp"
#include "fuzz/fuzzing.hpp"
#include "plugin/catalogue_note.hpp"
#include "plugin/elf_reader.hpp"
#include "plugin/elf_symbols.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <optional>

using namespace bulkhead;
using fuzz::AllocationLimit;
using fuzz::require;

namespace {

void check_reader(std::span<const std::byte> file) {
  // A header of 56 or 64 bytes is copied into a vector that doubles; a string of one byte becomes one of 32.
  const AllocationLimit limit(160 * file.size() + 8192);
  try {
    const plugin::ElfFacts facts = plugin::read_elf(file, "x.so");
    if (facts.catalogue) {
      const auto* begin = reinterpret_cast<const char*>(file.data());
      require(
          facts.catalogue->data() >= begin && facts.catalogue->data() + facts.catalogue->size() <= begin + file.size(),
          "the catalogue lies in the file");
      (void)plugin::parse_note(*facts.catalogue, "x.so");
    }
  } catch (const PluginError&) {
  }
}

void check_exports(int fd, std::size_t size) {
  // Symbols and names as the file has them, and each name, at most sixteen times over, in two vectors that double.
  const AllocationLimit limit(256 * size + 8192);
  const auto exports = plugin::read_exports(fd);
  require(exports.unique.size() <= exports.all.size(), "what is unique is exported");
}

void check_symbols(int fd, std::size_t size) {
  // A symbol of 24 bytes is one of 32 in a vector that doubles, and is sorted by way of a copy.
  std::optional<AllocationLimit> limit(std::in_place, 16 * size + 8192);
  const plugin::ElfSymbols symbols(fd);
  limit.reset();
  for (const std::uint64_t address : {0x0ull, 0x10ull, 0x400ull, 0x1000ull, 0x1010ull, ~0x0ull}) {
    require(symbols.find(address).size() <= 1u << 14, "a name can be printed");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_reader(std::as_bytes(std::span(data, size)));
  static const int fd = ::memfd_create("fuzz", MFD_CLOEXEC);
  require(fd >= 0 && ::ftruncate(fd, 0) == 0 && ::pwrite(fd, data, size, 0) == static_cast<ssize_t>(size),
          "the file is written");
  check_symbols(fd, size);
  check_exports(fd, size);
  return 0;
}
