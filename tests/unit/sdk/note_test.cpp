// The catalogue note in the file, read as a stranger would: by the program headers, without
// loading.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <bulkhead/sdk/abi.h>

namespace bulkhead {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

template <class T>
T at(const std::string& file, std::size_t offset) {
  T value{};
  if (offset + sizeof value <= file.size()) std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

// The note's description; empty when there is none.
std::string note_of(const char* name) {
  std::ifstream stream(std::string(BULKHEAD_SDK_TEST_PLUGINS "/") + name, std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(stream), {}};
  const auto header = at<Elf64_Ehdr>(file, 0);
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = at<Elf64_Phdr>(file, header.e_phoff + i * sizeof(Elf64_Phdr));
    if (segment.p_type != PT_NOTE) continue;
    for (std::size_t offset = segment.p_offset; offset + sizeof(Elf64_Nhdr) <= segment.p_offset + segment.p_filesz;) {
      const auto note = at<Elf64_Nhdr>(file, offset);
      const std::size_t name_at = offset + sizeof note;
      const std::size_t text_at = name_at + (note.n_namesz + 3) / 4 * 4;
      if (note.n_type == BULKHEAD_NOTE_TYPE &&
          file.compare(name_at, note.n_namesz, std::string(BULKHEAD_NOTE_NAME, sizeof BULKHEAD_NOTE_NAME)) == 0) {
        return file.substr(text_at, note.n_descsz);
      }
      offset = text_at + (note.n_descsz + 3) / 4 * 4;
    }
  }
  return {};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(Note, NamesThePluginAndItsTasks) {
  const auto lines = lines_of(note_of("sdk_minimal.so"));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], "bulkhead\t1\t2\t0\t0");
  EXPECT_THAT(lines[1], StartsWith("plugin\tminimal\t1.0.0\t"));
  EXPECT_EQ(lines[2], "task\tadd\t(i64,i64)->i64\t3\t0\t0\t-1\t0\t0\t\t");
}

TEST(Note, SurvivesLinkTimeOptimisationSectionCollectionAndStripping) {
  EXPECT_EQ(note_of("sdk_stripped.so"), note_of("sdk_minimal.so"));
}

TEST(Note, EscapesAndOrdersTheFieldsOfATask) {
  const std::string text = note_of("sdk_forms.so");
  EXPECT_THAT(text, HasSubstr("\ntask\tcounter\t()->i32\t3\t1\t0\t-1\t5000000000\t0\t\t"
                              "counts, by \"step\"\\tand so on\\n\n"));
  EXPECT_THAT(text, HasSubstr("\ntask\tnamed\t(i32,optional<i32>,optional<i32>)->i32\t3\t0\t0\t2\t0\t1500000000\t"
                              "a,b,c\t\n"));
}

TEST(Note, HoldsExamplesAsJsonBehindTheirTask) {
  const std::string text = note_of("sdk_forms.so");
  EXPECT_THAT(text, HasSubstr("\ntask\tless\t(i32,i32)->bool\t3\t0\t0\t-1\t0\t0\tleft,right\tin order\n"
                              "example\t[1,2]\ttrue\nexample\t[-2,-2]\tfalse\ntask\t"));
  EXPECT_THAT(text, HasSubstr("\nexample\t[0.5,1.0,18446744073709551615,-128]\t1000000000000000000000.0\n"));
  EXPECT_THAT(text, HasSubstr(R"(["a\\"\\\\\\u0009ü","x",null])"
                              "\tnull\n"));
  EXPECT_THAT(text, HasSubstr(R"(["","\\"","b"])"
                              "\tnull\n"));
  EXPECT_THAT(text, HasSubstr("\nexample\t[[1,2],[true,\"x\"]]\t{ \"a\": 1}\n"));
}

TEST(Note, HoldsHundredsOfTasks) { EXPECT_EQ(lines_of(note_of("sdk_many_tasks.so")).size(), 302U); }

TEST(Note, IsWrittenByPluginsInCToo) {
  EXPECT_EQ(note_of("sdk_c.so"),
            "bulkhead\t1\t2\t0\t0\nplugin\tcmath\t1.0.0\t-\tcc\n"
            "task\ttwice\t(i64)->i64\t1\t0\t0\t-1\t0\t0\t\tdoubles a number\n");
}

}  // namespace
}  // namespace bulkhead
