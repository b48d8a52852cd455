// The text of a catalogue note, written at compile time: lines of fields between tabs. Form: WIRE.md.
//
// Compile time only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bulkhead::sdk {

// Writes the note's text, or only counts it.
class NoteText {
 public:
  // Writes to `out`, or only counts. Requires: `out` has room, unless only counting.
  constexpr NoteText(char* out, bool only_counts) : out_(out), only_counts_(only_counts) {}

  constexpr void plain(std::string_view text) {
    for (const char c : text) put(c);
  }
  // A part of a field.
  constexpr void escaped(std::string_view text) {
    for (const char c : text) {
      const char escape = c == '\\' ? '\\' : c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : '\0';
      if (escape != '\0') put('\\');
      put(escape != '\0' ? escape : c);
    }
  }
  constexpr void begin_field() { put('\t'); }
  constexpr void field(std::string_view text) {
    begin_field();
    escaped(text);
  }
  constexpr void field(std::int64_t number) {
    begin_field();
    signed_number(number);
  }
  constexpr void signed_number(std::int64_t number) {
    if (number < 0) put('-');
    digits(number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number));
  }
  constexpr void digits(std::uint64_t rest) {
    std::uint64_t scale = 1;
    while (rest / scale >= 10) scale *= 10;
    for (; scale != 0; rest %= scale, scale /= 10) put(static_cast<char>('0' + rest / scale));
  }
  constexpr void end_line() { put('\n'); }
  // Something was to be written that has no form; what was written instead does not count.
  constexpr void does_not_fit() { all_fits_ = false; }
  [[nodiscard]] constexpr bool all_fits() const { return all_fits_; }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }

 private:
  constexpr void put(char c) {
    if (!only_counts_) out_[size_] = c;
    ++size_;
  }

  char* out_;
  bool only_counts_;
  std::size_t size_ = 0;
  bool all_fits_ = true;
};

}  // namespace bulkhead::sdk
