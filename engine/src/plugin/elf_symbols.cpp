#include "plugin/elf_symbols.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "bulkhead/sdk/abi.h"
#include "plugin/symbol_name.hpp"

namespace bulkhead::plugin {

namespace {

// More than any real file has.
constexpr std::uint64_t kMaxSections = 65'536;
constexpr std::uint64_t kMaxTableBytes = std::uint64_t{64} << 20;
constexpr std::uint64_t kMaxSymbolBytes = 4096;

// As many of `size` bytes as the file has there.
std::size_t read_at(int fd, std::uint64_t offset, void* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(fd, static_cast<char*>(to) + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

// No more than the file has: what it claims to have costs nothing.
template <class T>
std::vector<T> read_array(int fd, std::uint64_t offset, std::uint64_t bytes) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || status.st_size < 0) return {};
  const auto file_bytes = static_cast<std::uint64_t>(status.st_size);
  std::vector<T> items(std::min(bytes, file_bytes - std::min(file_bytes, offset)) / sizeof(T));
  items.resize(read_at(fd, offset, items.data(), items.size() * sizeof(T)) / sizeof(T));
  return items;
}

std::vector<Elf64_Shdr> read_sections(int fd) {
  Elf64_Ehdr header;
  if (read_at(fd, 0, &header, sizeof header) != sizeof header || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shoff == 0) {
    return {};
  }
  std::uint64_t count = header.e_shnum;
  if (count == 0) {  // too many for that field: the first section holds their number
    const auto first = read_array<Elf64_Shdr>(fd, header.e_shoff, sizeof(Elf64_Shdr));
    count = first.empty() ? 0 : first.front().sh_size;
  }
  if (count > kMaxSections) return {};
  return read_array<Elf64_Shdr>(fd, header.e_shoff, count * sizeof(Elf64_Shdr));
}

bool is_exported(const Elf64_Sym& symbol) {
  const auto binding = ELF64_ST_BIND(symbol.st_info);
  const auto visibility = ELF64_ST_VISIBILITY(symbol.st_other);
  // SHN_ABS: names of versions.
  return symbol.st_shndx != SHN_UNDEF && symbol.st_shndx != SHN_ABS &&
         (binding == STB_GLOBAL || binding == STB_WEAK || binding == STB_GNU_UNIQUE) &&
         (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

}  // namespace

ElfSymbols::ElfSymbols(int fd) : fd_(fd) {
  const auto sections = read_sections(fd_);
  // The full table is missing from a stripped file; the other has only what is exported.
  for (const std::uint32_t type : {SHT_SYMTAB, SHT_DYNSYM}) {
    // No file has two of a type; thousands over the same bytes must not cost thousands of readings.
    const auto table = std::find_if(sections.begin(), sections.end(),
                                    [&](const Elf64_Shdr& section) { return section.sh_type == type; });
    if (table != sections.end() && functions_.empty()) read_table(*table, sections);
  }
  std::stable_sort(functions_.begin(), functions_.end(),
                   [](const Function& a, const Function& b) { return a.begin < b.begin; });
}

void ElfSymbols::read_table(const Elf64_Shdr& table, const std::vector<Elf64_Shdr>& sections) {
  if (table.sh_size > kMaxTableBytes || table.sh_entsize != sizeof(Elf64_Sym) || table.sh_link >= sections.size()) {
    return;
  }
  const Elf64_Shdr& names = sections[table.sh_link];
  for (const Elf64_Sym& symbol : read_array<Elf64_Sym>(fd_, table.sh_offset, table.sh_size)) {
    const auto type = ELF64_ST_TYPE(symbol.st_info);
    if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF) continue;
    if (symbol.st_name >= names.sh_size) continue;
    functions_.push_back({.begin = symbol.st_value,
                          .end = symbol.st_value + std::max<std::uint64_t>(symbol.st_size, 1),
                          .name_at = names.sh_offset + symbol.st_name,
                          .name_limit = std::min(names.sh_size - symbol.st_name, kMaxSymbolBytes)});
  }
}

std::string ElfSymbols::find(std::uint64_t address) const {
  const auto after = std::upper_bound(functions_.begin(), functions_.end(), address,
                                      [](std::uint64_t at, const Function& function) { return at < function.begin; });
  if (after == functions_.begin() || address >= std::prev(after)->end) return {};
  const Function& function = *std::prev(after);
  std::string name(function.name_limit, '\0');
  name.resize(read_at(fd_, function.name_at, name.data(), name.size()));
  const auto end = name.find('\0');
  if (end == std::string::npos) return {};
  name.resize(end);
  return spelled_for_people(name);
}

ElfExports read_exports(int fd) {
  const auto sections = read_sections(fd);
  const auto table = std::find_if(sections.begin(), sections.end(),
                                  [](const Elf64_Shdr& section) { return section.sh_type == SHT_DYNSYM; });
  ElfExports exports;
  if (table == sections.end() || table->sh_size > kMaxTableBytes || table->sh_entsize != sizeof(Elf64_Sym) ||
      table->sh_link >= sections.size()) {
    return exports;
  }
  const Elf64_Shdr& strings = sections[table->sh_link];
  const auto names = read_array<char>(fd, strings.sh_offset, std::min(strings.sh_size, kMaxTableBytes));
  // A made-up file may give a million symbols one long name; honest names share bytes only with what they end in.
  std::uint64_t bytes_left = std::uint64_t{16} * names.size();
  for (const Elf64_Sym& symbol : read_array<Elf64_Sym>(fd, table->sh_offset, table->sh_size)) {
    if (!is_exported(symbol) || symbol.st_name >= names.size()) continue;
    const std::string_view rest(names.data() + symbol.st_name, names.size() - symbol.st_name);
    const std::string_view name = rest.substr(0, rest.find('\0'));
    if (name.empty() || name.size() == rest.size() || name.size() > kMaxSymbolBytes) continue;
    if (name == BULKHEAD_ENTRY_POINT_NAME) continue;
    if (name.size() > bytes_left) break;
    bytes_left -= name.size();
    exports.all.emplace_back(name);
    if (ELF64_ST_BIND(symbol.st_info) == STB_GNU_UNIQUE) exports.unique.emplace_back(name);
  }
  return exports;
}

}  // namespace bulkhead::plugin
