// The catalogue note: the plugin's tasks as text in an ELF note, for readers that do not load it.
// Form: WIRE.md.
//
// Compile time only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <bulkhead/sdk/entry_list.hpp>
#include <bulkhead/sdk/note_text.hpp>

// Given by CMake's bulkhead::sdk; by pkg-config as BULKHEAD_SDK_RELEASE, without the quotes that a shell would take away.
#ifndef BULKHEAD_SDK_VERSION
#ifdef BULKHEAD_SDK_RELEASE
#define BULKHEAD_SDK_QUOTED_(text) #text
#define BULKHEAD_SDK_QUOTED(text) BULKHEAD_SDK_QUOTED_(text)
#define BULKHEAD_SDK_VERSION BULKHEAD_SDK_QUOTED(BULKHEAD_SDK_RELEASE)
#else
#define BULKHEAD_SDK_VERSION "unknown"
#endif
#endif
#if defined(__clang__)
#define BULKHEAD_SDK_COMPILER "clang++ " __clang_version__
#else
#define BULKHEAD_SDK_COMPILER "g++ " __VERSION__
#endif

namespace bulkhead::sdk {

// Writes (or counts) the whole note. Returns its size.
template <const auto& Entries, class Plugin>
constexpr std::size_t write_note(char* out, bool only_counts) {
  NoteText text(out, only_counts);
  text.plain("bulkhead");
  text.field(static_cast<std::int64_t>(BULKHEAD_ABI_MAJOR));
  text.field(static_cast<std::int64_t>(BULKHEAD_ABI_MINOR));
  text.field(std::int64_t{0});
  text.field(std::int64_t{0});
  text.end_line();
  text.plain("plugin");
  text.field(Plugin::name());
  text.field(Plugin::version());
  text.field(BULKHEAD_SDK_VERSION);
  text.field(BULKHEAD_SDK_COMPILER);
  text.end_line();
  for (const TaskFacts& facts : PluginFacts<Entries>::kAll) {
    if (!facts.is_task) continue;
    text.plain("task");
    text.field(facts.name);
    text.field(facts.signature);
    text.field(static_cast<std::int64_t>(BULKHEAD_CODEC_BINARY | BULKHEAD_CODEC_JSON));
    text.field(static_cast<std::int64_t>(facts.options.flags));
    text.field(std::int64_t{0});
    text.field(static_cast<std::int64_t>(facts.options.retries));
    text.field(facts.options.timeout_ns);
    text.field(facts.options.soft_timeout_ns);
    text.field(facts.parameters);
    text.field(std::string_view(facts.options.doc));
    text.end_line();
    text.plain(facts.examples);
  }
  return text.size();
}

// An ELF note as it lies in the file: header, name and description, both padded to 4.
template <std::size_t Size>
struct alignas(4) Note {
  std::uint32_t name_size = sizeof(BULKHEAD_NOTE_NAME);
  std::uint32_t description_size = Size;
  std::uint32_t type = BULKHEAD_NOTE_TYPE;
  char name[12] = BULKHEAD_NOTE_NAME;
  char description[(Size + 3) / 4 * 4] = {};
};

template <const auto& Entries, class Plugin>
constexpr auto make_note() {
  Note<write_note<Entries, Plugin>(nullptr, true)> note;
  write_note<Entries, Plugin>(note.description, false);
  return note;
}

}  // namespace bulkhead::sdk
