#include "plugin/elf_reader.hpp"

#include <elf.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "bulkhead/error.hpp"
#include "bulkhead/sdk/abi.h"

namespace bulkhead::plugin {

namespace {

using Reason = PluginError::Reason;

// No real library has more; they bound what a made-up one can cost.
constexpr std::size_t kMaxNeeded = 1024;
constexpr std::size_t kMaxDynamicStringBytes = 16 * 1024;

#if defined(__x86_64__)
constexpr std::uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr std::uint16_t kMachine = EM_RISCV;
#elif defined(__powerpc64__)
constexpr std::uint16_t kMachine = EM_PPC64;
#elif defined(__s390x__)
constexpr std::uint16_t kMachine = EM_S390;
#else
#error "elf_reader.cpp: add this machine's EM_ number"
#endif
constexpr unsigned char kByteOrder = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_386:
      return "x86";
    case EM_X86_64:
      return "x86-64";
    case EM_ARM:
      return "arm";
    case EM_AARCH64:
      return "aarch64";
    case EM_RISCV:
      return "riscv";
    case EM_PPC64:
      return "ppc64";
    case EM_S390:
      return "s390";
    default:
      return "machine " + std::to_string(machine);
  }
}

std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) noexcept {
  return (value + alignment - 1) / alignment * alignment;
}

// One reading of one file.
class ElfReader {
 public:
  ElfReader(std::span<const std::byte> file, const std::string& path) : file_(file), path_(path) {}

  ElfFacts read() {
    check_header();
    read_segments();
    read_sections();
    for (const Elf64_Phdr& segment : segments_) {
      if (segment.p_type == PT_NOTE) {
        read_notes(segment.p_offset, segment.p_filesz, segment.p_align, "a note segment");
      }
    }
    // A linker may have made no segment for notes; then the sections are all there is.
    if (!facts_.catalogue) {
      for (const Elf64_Shdr& section : sections_) {
        if (section.sh_type == SHT_NOTE) {
          read_notes(section.sh_offset, section.sh_size, section.sh_addralign, "a note section");
        }
      }
    }
    for (const Elf64_Phdr& segment : segments_) {
      if (segment.p_type == PT_DYNAMIC) read_dynamic(segment);
    }
    return std::move(facts_);
  }

 private:
  [[noreturn]] void fail(Reason reason, const std::string& why) const {
    detail::raise<PluginError>("cannot use plugin \"" + path_ + "\": " + why, {.path = path_, .reason = reason});
  }
  [[noreturn]] void truncated(const std::string& what) const {
    fail(Reason::kTruncated, "the file is cut off or damaged: " + what + " ends behind the file's end (" +
                                 std::to_string(file_.size()) + " bytes; build or copy it again)");
  }

  // The one place that decides what may be read.
  [[nodiscard]] std::span<const std::byte> bytes(std::uint64_t offset, std::uint64_t size, const char* what) const {
    if (offset > file_.size() || size > file_.size() - offset) truncated(what);
    return file_.subspan(offset, size);
  }
  // A copy, because nothing in a file need be aligned.
  template <class T>
  [[nodiscard]] T at(std::uint64_t offset, const char* what) const {
    T value;
    std::memcpy(&value, bytes(offset, sizeof(T), what).data(), sizeof(T));
    return value;
  }

  void check_header() {
    if (file_.empty()) fail(Reason::kNotElf, "the file is empty");
    if (file_.size() < SELFMAG || std::memcmp(file_.data(), ELFMAG, SELFMAG) != 0) {
      fail(Reason::kNotElf, "the file is not a shared library (it has no ELF header)");
    }
    const auto ident = at<std::array<unsigned char, EI_NIDENT>>(0, "the header");
    if (ident[EI_CLASS] != ELFCLASS64) {
      fail(Reason::kWrongArchitecture, "built for a machine of " +
                                           std::string(ident[EI_CLASS] == ELFCLASS32 ? "32" : "unknown") +
                                           " bits, this engine is for " + machine_name(kMachine) + " (64 bits)");
    }
    if (ident[EI_DATA] != kByteOrder) {
      fail(Reason::kWrongArchitecture,
           "built for a machine of the other byte order, this engine is for " + machine_name(kMachine));
    }
    header_ = at<Elf64_Ehdr>(0, "the header");
    if (header_.e_machine != kMachine) {
      fail(Reason::kWrongArchitecture,
           "built for " + machine_name(header_.e_machine) + ", this engine is for " + machine_name(kMachine));
    }
    if (ident[EI_VERSION] != EV_CURRENT || header_.e_version != EV_CURRENT) {
      fail(Reason::kNotElf, "the file's ELF version is unknown");
    }
    if (header_.e_type != ET_DYN) {
      fail(Reason::kNotAPlugin,
           "the file is a program or an object file, not a shared library (build it with "
           "bulkhead_add_plugin)");
    }
  }

  void read_segments() {
    if (header_.e_phnum == 0) fail(Reason::kNotAPlugin, "the file has nothing to load");
    if (header_.e_phentsize != sizeof(Elf64_Phdr)) {
      fail(Reason::kNotElf, "its program headers have an unknown form");
    }
    for (std::uint64_t i = 0; i < header_.e_phnum; ++i) {
      const auto segment = header_entry<Elf64_Phdr>(header_.e_phoff, i, "a program header");
      (void)bytes(segment.p_offset, segment.p_filesz, "a segment");
      segments_.push_back(segment);
    }
  }

  void read_sections() {
    if (header_.e_shoff == 0) return;  // stripped of them: nothing that runs needs sections
    if (header_.e_shentsize != sizeof(Elf64_Shdr)) {
      fail(Reason::kNotElf, "its section headers have an unknown form");
    }
    const auto first = header_entry<Elf64_Shdr>(header_.e_shoff, 0, "a section header");
    // More than 65,279 sections: the first one's size holds their number.
    const std::uint64_t count = header_.e_shnum != 0 ? header_.e_shnum : first.sh_size;
    if (count > file_.size() / sizeof(Elf64_Shdr)) truncated("a section header");
    for (std::uint64_t i = 1; i < count; ++i) {
      const auto section = header_entry<Elf64_Shdr>(header_.e_shoff, i, "a section header");
      if (section.sh_type == SHT_NOBITS || section.sh_type == SHT_NULL) continue;
      (void)bytes(section.sh_offset, section.sh_size, "a section");
      sections_.push_back(section);
    }
  }

  // Entry `index` of a header table; index × size cannot overflow, the offset plus it could.
  template <class T>
  [[nodiscard]] T header_entry(std::uint64_t table, std::uint64_t index, const char* what) const {
    if (table > file_.size()) truncated(what);
    return at<T>(table + index * sizeof(T), what);
  }

  void read_notes(std::uint64_t offset, std::uint64_t size, std::uint64_t alignment, const char* what) {
    const auto area = bytes(offset, size, what);
    // Honest areas do not overlap; thousands of headers over the same bytes must not cost thousands
    // of readings.
    note_bytes_read_ += size;
    if (note_bytes_read_ > file_.size()) truncated("its notes");
    const std::uint64_t step = alignment == 8 ? 8 : 4;
    std::uint64_t at_byte = 0;
    while (area.size() - at_byte >= sizeof(Elf64_Nhdr)) {
      Elf64_Nhdr note;
      std::memcpy(&note, area.data() + at_byte, sizeof note);
      const std::uint64_t name_at = at_byte + sizeof note;
      const std::uint64_t description_at = at_byte + align_up(sizeof note + std::uint64_t{note.n_namesz}, step);
      const std::uint64_t end = description_at + note.n_descsz;
      if (end > area.size()) return truncated("a note");
      const std::string_view bytes_of_area(reinterpret_cast<const char*>(area.data()), area.size());
      // The size of a note's name counts its zero byte.
      if (note.n_type == BULKHEAD_NOTE_TYPE && note.n_namesz == sizeof BULKHEAD_NOTE_NAME &&
          bytes_of_area.substr(name_at, sizeof BULKHEAD_NOTE_NAME - 1) == BULKHEAD_NOTE_NAME) {
        if (facts_.catalogue) {
          fail(Reason::kInconsistent, "it has two catalogues (use BULKHEAD_PLUGIN once per library)");
        }
        facts_.catalogue = bytes_of_area.substr(description_at, note.n_descsz);
      }
      at_byte = align_up(end, step);
      if (at_byte > area.size()) return;  // the last one need not be padded
    }
  }

  // Where the file holds the bytes at this address of the loaded library, and how many there are.
  [[nodiscard]] std::optional<std::span<const std::byte>> loaded_at(std::uint64_t address) const {
    for (const Elf64_Phdr& segment : segments_) {
      if (segment.p_type != PT_LOAD || address < segment.p_vaddr) continue;
      const std::uint64_t into = address - segment.p_vaddr;
      if (into >= segment.p_filesz) continue;
      return bytes(segment.p_offset + into, segment.p_filesz - into, "a segment");
    }
    return std::nullopt;
  }

  void read_dynamic(const Elf64_Phdr& segment) {
    if (has_dynamic_) fail(Reason::kNotElf, "it has two dynamic segments");
    has_dynamic_ = true;
    const auto area = bytes(segment.p_offset, segment.p_filesz, "the dynamic segment");
    std::uint64_t strings_address = 0;
    std::uint64_t strings_size = 0;
    std::vector<std::uint64_t> needed;
    std::vector<std::uint64_t> run_paths;
    for (std::uint64_t i = 0; (i + 1) * sizeof(Elf64_Dyn) <= area.size(); ++i) {
      Elf64_Dyn entry;
      std::memcpy(&entry, area.data() + i * sizeof entry, sizeof entry);
      if (entry.d_tag == DT_NULL) break;
      if (entry.d_tag == DT_STRTAB) strings_address = entry.d_un.d_ptr;
      if (entry.d_tag == DT_STRSZ) strings_size = entry.d_un.d_val;
      if (entry.d_tag == DT_NEEDED) needed.push_back(entry.d_un.d_val);
      if (entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH) {
        run_paths.push_back(entry.d_un.d_val);
      }
      if (needed.size() + run_paths.size() > kMaxNeeded) {
        fail(Reason::kNotElf, "it asks for an impossible number of libraries");
      }
    }
    if (needed.empty() && run_paths.empty()) return;
    const auto loaded = loaded_at(strings_address);
    if (!loaded || loaded->size() < strings_size) truncated("the dynamic string table");
    const auto strings = loaded->first(strings_size);
    for (const std::uint64_t offset : needed) {
      facts_.needed.emplace_back(dynamic_string(strings, offset));
      note_origin(facts_.needed.back());
    }
    for (const std::uint64_t offset : run_paths) note_origin(dynamic_string(strings, offset));
  }

  void note_origin(std::string_view path) {
    if (path.find("$ORIGIN") != std::string_view::npos || path.find("${ORIGIN}") != std::string_view::npos) {
      facts_.uses_origin = true;
    }
  }

  [[nodiscard]] std::string_view dynamic_string(std::span<const std::byte> strings, std::uint64_t offset) {
    if (offset >= strings.size()) truncated("a dynamic string");
    const auto rest = strings.subspan(offset, std::min<std::size_t>(strings.size() - offset, kMaxDynamicStringBytes));
    const auto* end = std::memchr(rest.data(), 0, rest.size());
    if (end == nullptr) truncated("a dynamic string");
    const auto size = static_cast<std::size_t>(static_cast<const std::byte*>(end) - rest.data());
    // As with notes: a thousand entries may name one string, which is copied for each.
    string_bytes_read_ += size;
    if (string_bytes_read_ > file_.size()) truncated("its dynamic strings");
    return {reinterpret_cast<const char*>(rest.data()), size};
  }

  std::span<const std::byte> file_;
  const std::string& path_;
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Shdr> sections_;
  ElfFacts facts_;
  std::uint64_t note_bytes_read_ = 0;
  std::uint64_t string_bytes_read_ = 0;
  bool has_dynamic_ = false;
};

}  // namespace

ElfFacts read_elf(std::span<const std::byte> file, const std::string& path) { return ElfReader(file, path).read(); }

}  // namespace bulkhead::plugin
