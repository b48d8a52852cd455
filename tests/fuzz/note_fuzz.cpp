// Catalogue notes, which anybody may have put into a file: what is accepted is what writing it again says.
#include "bulkhead/error.hpp"
#include "bulkhead/sdk/note.hpp"
#include "fuzz/fuzzing.hpp"
#include "plugin/catalogue_note.hpp"

#include <optional>

using namespace bulkhead;
using fuzz::AllocationLimit;
using fuzz::require;

namespace {

std::optional<plugin::PluginEntry> parse(std::string_view text) {
  // Of a task's 22 bytes and more the entry is 200, in a vector that doubles, beside its name in a set; a parameter of
  // two bytes ("a,") is a string of 32; a field of one byte (its tab) another while the line is taken apart.
  const AllocationLimit limit(160 * text.size() + 4096);
  try {
    return plugin::parse_note(text, "x.so");
  } catch (const PluginError& error) {
    for (const char c : std::string_view(error.what())) {
      require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "an error does not obey a note");
    }
    return std::nullopt;
  }
}

// As a plugin's own note is written.
void write(sdk::NoteText& text, const plugin::PluginEntry& entry) {
  text.plain("bulkhead");
  text.field(std::int64_t{entry.abi_major});
  text.field(std::int64_t{entry.abi_minor});
  text.field(std::int64_t{0});
  text.field(std::int64_t{0});
  text.end_line();
  text.plain("plugin");
  for (const auto& field : {entry.name, entry.version, entry.sdk_version, entry.compiler}) text.field(field);
  text.end_line();
  for (const plugin::TaskEntry& task : entry.tasks) {
    text.plain("task");
    text.field(std::string_view(task.name).substr(entry.name.size() + 1));
    text.field(task.signature);
    for (const std::int64_t number :
         {std::int64_t{task.codecs}, std::int64_t{task.flags}, std::int64_t{task.required_flags},
          std::int64_t{task.retries}, std::int64_t{task.timeout.count()}, std::int64_t{task.soft_timeout.count()}}) {
      text.field(number);
    }
    std::string names;
    for (const auto& name : task.param_names) names += (names.empty() ? "" : ",") + name;
    text.field(names);
    text.field(task.doc);
    text.end_line();
    for (const TaskExample& example : task.examples) {
      text.plain("example");
      text.field(example.arguments);
      text.field(example.result);
      text.end_line();
    }
  }
}

std::string written(const plugin::PluginEntry& entry) {
  sdk::NoteText counter(nullptr, true);
  write(counter, entry);
  std::string note(counter.size(), '\0');
  sdk::NoteText writer(note.data(), false);
  write(writer, entry);
  return note;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto entry = parse({reinterpret_cast<const char*>(data), size});
  if (!entry) return 0;
  const std::string note = written(*entry);
  const auto again = parse(note);
  require(again.has_value(), "a note that was written is one");
  require(written(*again) == note, "it says the same");
  require(again->tasks.size() == entry->tasks.size(), "it has the same tasks");
  return 0;
}
