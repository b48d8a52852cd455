// The functions of a program or library, by their place: for backtraces of processes that are gone. And what a plugin
// exports.
//
// Ownership: borrows the descriptor, which it reads while find() runs.
// Threads:   one.
// Failure:   a file that is no ELF file, is damaged, or holds no names, has no functions. Every offset, size and count
//            is distrusted, and the work is bounded. A file like that exports nothing.
#pragma once

#include <elf.h>

#include <cstdint>
#include <string>
#include <vector>

namespace bulkhead::plugin {

class ElfSymbols {
 public:
  explicit ElfSymbols(int fd);

  // The function at this address, as the file counts its addresses; spelled for people. Empty: none is known.
  [[nodiscard]] std::string find(std::uint64_t address) const;

 private:
  struct Function {
    std::uint64_t begin;
    std::uint64_t end;
    std::uint64_t name_at;  // in the file
    std::uint64_t name_limit;
  };
  void read_table(const Elf64_Shdr& table, const std::vector<Elf64_Shdr>& sections);

  int fd_;
  std::vector<Function> functions_;  // by their beginnings
};

// Symbols as the linker spells them.
struct ElfExports {
  std::vector<std::string> all;     // but for the plugin's entry point
  std::vector<std::string> unique;  // of `all`: those of which a process has only one (STB_GNU_UNIQUE)
};

[[nodiscard]] ElfExports read_exports(int fd);

}  // namespace bulkhead::plugin
