#include "protocol/output_tail.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <new>

namespace bulkhead::protocol {

namespace {

constexpr char kBetweenFields = ' ';
constexpr std::string_view kNoLevel = "-";
constexpr std::size_t kMaxNameBytes = 64;

template <class Number>
bool take_number(std::string_view& text, Number& value) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data() + text.size() || *end != kBetweenFields) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

}  // namespace

OutputTail& output_tail_in(std::span<std::byte> bytes) noexcept {
  return *std::launder(reinterpret_cast<OutputTail*>(bytes.data()));
}

std::size_t write_mark(std::span<char, kMaxMarkBytes> to, const OutputMark& mark) noexcept {
  // Five numbers of at most 20 digits and a name always fit.
  static_assert(kMaxMarkBytes >= 2 + (3 + 1) + (3 + 1) + 2 * (10 + 1) + (20 + 1) + kMaxNameBytes);
  char* at = to.data();
  const auto number = [&at, &to](auto value) {
    at = std::to_chars(at, to.data() + to.size(), value).ptr;
    *at++ = kBetweenFields;
  };
  *at++ = kMarkBegin;
  if (mark.level) {
    number(*mark.level);
  } else {
    *at++ = kNoLevel.front();
    *at++ = kBetweenFields;
  }
  number(mark.phase);
  number(mark.task);
  number(mark.attempt);
  number(mark.task_id);
  at = std::copy_n(mark.plugin.data(), std::min(mark.plugin.size(), kMaxNameBytes), at);
  *at++ = kMarkEnd;
  return static_cast<std::size_t>(at - to.data());
}

std::optional<OutputMark> read_mark(std::string_view text) noexcept {
  OutputMark mark;
  if (text.starts_with(kNoLevel)) {
    text.remove_prefix(std::min<std::size_t>(text.size(), kNoLevel.size() + 1));
  } else if (!take_number(text, mark.level.emplace())) {
    return std::nullopt;
  }
  if (!take_number(text, mark.phase) || !take_number(text, mark.task) || !take_number(text, mark.attempt) ||
      !take_number(text, mark.task_id) || text.size() > kMaxNameBytes) {
    return std::nullopt;
  }
  mark.plugin = text;
  return mark;
}

}  // namespace bulkhead::protocol
