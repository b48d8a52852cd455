#include "plugin/elf_reader.hpp"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <iostream>
#include <memory>
#include <random>

#include "plugin/catalogue_note.hpp"
#include "plugin_testing.hpp"

namespace bulkhead::plugin {
namespace {

using Reason = PluginError::Reason;
using testing::Contains;
using testing::HasSubstr;

// Reads from a block of exactly the text's size, so that a sanitizer sees any byte too many.
template <class Use>
void with_exact_block(const std::string& bytes, Use&& use) {
  const auto block = std::make_unique<std::byte[]>(bytes.size());
  std::memcpy(block.get(), bytes.data(), bytes.size());
  use(std::span<const std::byte>(block.get(), bytes.size()));
}

CaughtPluginError error_in(const std::string& bytes) {
  return plugin_error_of(
      [&] { with_exact_block(bytes, [](std::span<const std::byte> file) { (void)read_elf(file, "x.so"); }); });
}

// Reading either gives a plugin or throws PluginError. True: it gave one.
bool survives(const std::string& bytes) {
  bool is_plugin = false;
  with_exact_block(bytes, [&](std::span<const std::byte> file) {
    try {
      const ElfFacts facts = read_elf(file, "x.so");
      if (facts.catalogue) {
        (void)parse_note(*facts.catalogue, "x.so");
        is_plugin = true;
      }
    } catch (const PluginError&) {
    }
  });
  return is_plugin;
}

std::string plain_bytes() { return bytes_of(malformed_plugin("plain")); }

Elf64_Ehdr header_of(const std::string& bytes) {
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header;
}

// A copy of the plain plugin with one field of its header changed.
template <class Field>
std::string with_header_field(Field Elf64_Ehdr::*field, Field value) {
  std::string bytes = plain_bytes();
  Elf64_Ehdr header = header_of(bytes);
  header.*field = value;
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

// Calls `change` with each program header of a copy.
template <class Change>
std::string with_segments(Change&& change) {
  std::string bytes = plain_bytes();
  const Elf64_Ehdr header = header_of(bytes);
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    const std::size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
    Elf64_Phdr segment;
    std::memcpy(&segment, bytes.data() + at, sizeof segment);
    change(segment);
    std::memcpy(bytes.data() + at, &segment, sizeof segment);
  }
  return bytes;
}

// Printed, so that a failure can be run again.
std::mt19937 seeded() {
  const auto seed = std::random_device{}();
  std::cout << "seed " << seed << '\n';
  return std::mt19937(seed);
}

TEST(ElfReader, FindsTheCatalogueOfAPlugin) {
  with_exact_block(plain_bytes(), [](std::span<const std::byte> file) {
    const ElfFacts facts = read_elf(file, "x.so");
    ASSERT_TRUE(facts.catalogue);
    EXPECT_EQ(parse_note(*facts.catalogue, "x.so").name, "plain");
    EXPECT_FALSE(facts.uses_origin);
  });
}

TEST(ElfReader, FindsTheCatalogueWithoutSectionHeaders) {
  EXPECT_TRUE(survives(with_header_field(&Elf64_Ehdr::e_shoff, Elf64_Off{0})));
}

TEST(ElfReader, FindsTheCatalogueThroughSectionsWhenThereIsNoNoteSegment) {
  EXPECT_TRUE(survives(with_segments([](Elf64_Phdr& segment) {
    if (segment.p_type == PT_NOTE) segment.p_type = PT_NULL;
  })));
}

TEST(ElfReader, FindsNoCatalogueInAnotherLibrary) {
  with_exact_block(bytes_of(malformed_plugin("not_a_plugin")),
                   [](std::span<const std::byte> file) { EXPECT_FALSE(read_elf(file, "x.so").catalogue); });
}

TEST(ElfReader, NoticesARunPathToTheOwnFolderAndTheLibrariesNeeded) {
  with_exact_block(bytes_of(malformed_plugin("origin")), [](std::span<const std::byte> file) {
    const ElfFacts facts = read_elf(file, "x.so");
    EXPECT_TRUE(facts.uses_origin);
    EXPECT_THAT(facts.needed, Contains("liborigin_helper.so"));
  });
}

TEST(ElfReader, RefusesWhatIsNotElf) {
  EXPECT_EQ(error_in("").reason, Reason::kNotElf);
  EXPECT_THAT(error_in("").text, HasSubstr("the file is empty"));
  EXPECT_EQ(error_in("\x7f").reason, Reason::kNotElf);
  EXPECT_EQ(error_in("#!/bin/sh\necho hello\n").reason, Reason::kNotElf);
}

TEST(ElfReader, RefusesATruncatedFile) {
  const std::string bytes = plain_bytes();
  EXPECT_EQ(error_in(bytes.substr(0, 4)).reason, Reason::kTruncated);
  EXPECT_EQ(error_in(bytes.substr(0, 63)).reason, Reason::kTruncated);
  EXPECT_EQ(error_in(bytes.substr(0, bytes.size() / 2)).reason, Reason::kTruncated);
  EXPECT_EQ(error_in(bytes.substr(0, bytes.size() - 1)).reason, Reason::kTruncated);
}

TEST(ElfReader, TellsTheMachineOfAnotherArchitecture) {
  const auto error = error_in(with_header_field(&Elf64_Ehdr::e_machine, Elf64_Half{EM_SPARC}));
  EXPECT_EQ(error.reason, Reason::kWrongArchitecture);
  EXPECT_THAT(error.text, HasSubstr("built for machine 2, this engine is for"));
}

TEST(ElfReader, RefusesAnotherClassAndByteOrder) {
  std::string bytes = plain_bytes();
  bytes[EI_CLASS] = ELFCLASS32;
  EXPECT_EQ(error_in(bytes).reason, Reason::kWrongArchitecture);
  bytes = plain_bytes();
  bytes[EI_DATA] = bytes[EI_DATA] == ELFDATA2LSB ? ELFDATA2MSB : ELFDATA2LSB;
  EXPECT_EQ(error_in(bytes).reason, Reason::kWrongArchitecture);
}

TEST(ElfReader, RefusesProgramsAndObjectFiles) {
  EXPECT_EQ(error_in(with_header_field(&Elf64_Ehdr::e_type, Elf64_Half{ET_EXEC})).reason, Reason::kNotAPlugin);
  EXPECT_EQ(error_in(with_header_field(&Elf64_Ehdr::e_type, Elf64_Half{ET_REL})).reason, Reason::kNotAPlugin);
}

TEST(ElfReader, RefusesTwoCatalogues) {
  EXPECT_EQ(error_in(bytes_of(malformed_plugin("two_catalogues"))).reason, Reason::kInconsistent);
}

TEST(ElfReader, RefusesHeaderTablesFarOutside) {
  constexpr Elf64_Off kFar = ~Elf64_Off{0} - 8;  // adding a table's size to it overflows
  EXPECT_EQ(error_in(with_header_field(&Elf64_Ehdr::e_phoff, kFar)).reason, Reason::kTruncated);
  EXPECT_EQ(error_in(with_header_field(&Elf64_Ehdr::e_shoff, kFar)).reason, Reason::kTruncated);
  EXPECT_EQ(error_in(with_header_field(&Elf64_Ehdr::e_phnum, Elf64_Half{0xffff})).reason, Reason::kTruncated);
}

TEST(ElfReader, RefusesSegmentsThatEndBehindTheFile) {
  for (const std::uint64_t size : {std::uint64_t{1} << 20, ~std::uint64_t{0}}) {
    const auto error = error_in(with_segments([size](Elf64_Phdr& segment) { segment.p_filesz = size; }));
    EXPECT_EQ(error.reason, Reason::kTruncated);
  }
}

TEST(ElfReader, DoesNotReadTheSameNotesForThousandsOfHeaders) {
  const auto error = error_in(with_segments([](Elf64_Phdr& segment) {
    segment.p_type = PT_NOTE;
    segment.p_offset = 0x300;  // whatever lies there is no note of ours
    segment.p_filesz = 0x3000;
  }));
  EXPECT_EQ(error.reason, Reason::kTruncated);
}

TEST(ElfReader, ReadsOneDynamicSegmentOnly) {
  // Thousands of headers over the same bytes must not cost thousands of readings, and of copies of its strings.
  const auto error = error_in(with_segments([](Elf64_Phdr& segment) {
    if (segment.p_type == PT_NOTE) segment.p_type = PT_DYNAMIC;
  }));
  EXPECT_EQ(error.reason, Reason::kNotElf);
  EXPECT_THAT(error.text, HasSubstr("two dynamic segments"));
}

TEST(ElfReader, ReadsNothingOutsideOfAnyTruncation) {
  const std::string bytes = plain_bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(survives(bytes.substr(0, size))) << size;
  }
}

TEST(ElfReader, ReadsNothingOutsideWhateverIsCorrupted) {
  std::mt19937 random = seeded();
  int refused = 0;
  for (const char* name : {"plain", "origin"}) {
    const std::string original = bytes_of(malformed_plugin(name));
    const Elf64_Ehdr header = header_of(original);
    // Most blows go where the offsets and sizes are: the header and both tables.
    const auto position = [&]() -> std::size_t {
      switch (random() % 4) {
        case 0:
          return random() % sizeof header;
        case 1:
          return header.e_phoff + random() % (header.e_phnum * sizeof(Elf64_Phdr));
        case 2:
          return header.e_shoff + random() % (header.e_shnum * sizeof(Elf64_Shdr));
        default:
          return random() % original.size();
      }
    };
    for (int round = 0; round < 300; ++round) {
      std::string bytes = original;
      const auto blows = 1 + random() % 8;
      for (unsigned i = 0; i < blows; ++i) bytes[position()] = static_cast<char>(random());
      refused += survives(bytes) ? 0 : 1;
    }
  }
  // Some blows hit bytes that do not matter; had all done so, the test would have tested nothing.
  EXPECT_GT(refused, 100);
}

TEST(ElfReader, ReadsNothingOutsideWhateverTheNoteSays) {
  std::mt19937 random = seeded();
  const std::string original = plain_bytes();
  const std::size_t text = original.find("bulkhead\t1\t");
  ASSERT_NE(text, std::string::npos);
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::string bytes = original;
    // The note's three sizes and its name lie in the 24 bytes before its text.
    for (unsigned i = 0; i < 3; ++i) {
      bytes[text - 24 + random() % 60] = static_cast<char>(random());
    }
    refused += survives(bytes) ? 0 : 1;
  }
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace bulkhead::plugin
