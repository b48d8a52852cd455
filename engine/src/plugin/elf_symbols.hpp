// The functions of a program or library, by their place: for backtraces of processes that are gone.
//
// Ownership: borrows the descriptor, which it reads while find() runs.
// Threads:   one.
// Failure:   a file that is no ELF file, is damaged, or holds no names, has no functions. Every offset, size and count
//            is distrusted, and the work is bounded.
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

}  // namespace bulkhead::plugin
