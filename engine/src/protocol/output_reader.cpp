#include "protocol/output_reader.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <bulkhead/sdk/abi.h>

namespace bulkhead::protocol {

namespace {

constexpr std::size_t kLatestBytes = 4096;
// Of a dead worker's pipe: a process that it left behind could fill it for ever.
constexpr std::size_t kMostOfPipe = 256 * 1024;
constexpr std::array<std::string_view, 6> kLevels{"trace", "debug", "info", "warn", "error", "critical"};
constexpr std::string_view kGoesOn = "…";

// The size of the character there, 0: it is no UTF-8, or one that terminals obey.
std::size_t printable_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xc0) == 0x80; };
  if (byte(0) < 0x80) return byte(0) == '\t' || (byte(0) >= 0x20 && byte(0) != 0x7f) ? 1 : 0;
  if (byte(0) >= 0xc2 && byte(0) < 0xe0) {
    const bool is_control = byte(0) == 0xc2 && text.size() > 1 && byte(1) < 0xa0;
    return continues(1) && !is_control ? 2 : 0;
  }
  if (byte(0) >= 0xe0 && byte(0) < 0xf0) {
    const bool is_overlong = byte(0) == 0xe0 && text.size() > 1 && byte(1) < 0xa0;
    const bool is_surrogate = byte(0) == 0xed && text.size() > 1 && byte(1) >= 0xa0;
    return continues(1) && continues(2) && !is_overlong && !is_surrogate ? 3 : 0;
  }
  if (byte(0) >= 0xf0 && byte(0) < 0xf5) {
    const bool is_overlong = byte(0) == 0xf0 && text.size() > 1 && byte(1) < 0x90;
    const bool is_too_large = byte(0) == 0xf4 && text.size() > 1 && byte(1) >= 0x90;
    return continues(1) && continues(2) && continues(3) && !is_overlong && !is_too_large ? 4 : 0;
  }
  return 0;
}

// A line is cut between characters, if it has any.
std::size_t cut_at(std::string_view text, std::size_t most) {
  std::size_t size = most;
  while (size > most - 4 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80 ? most : size;
}

}  // namespace

std::string printable_text(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t size = printable_character(bytes);
    if (size > 0) {
      text += bytes.substr(0, size);
    } else {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(bytes[0]);
      text += "\\x";
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    }
    bytes.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return text;
}

void OutputReader::take(OutputTail& tail) {
  const std::uint64_t end = tail.written.load(std::memory_order_acquire);  // [tail] the bytes before it are there
  take_up_to(tail, end, [&tail] {
    // acq_rel: the copy was made before this looks, so what was not reserved now was whole then.
    const std::uint64_t reserved = tail.reserved.fetch_add(0, std::memory_order_acq_rel);
    return reserved - std::min<std::uint64_t>(reserved, OutputTail::kSize);
  });
}

void OutputReader::take_last(OutputTail& tail, int pipe, const OutputMark& at) {
  // relaxed, both: nobody writes any more.
  std::uint64_t end = tail.written.load(std::memory_order_relaxed);
  const std::uint64_t reserved = tail.reserved.load(std::memory_order_relaxed);
  if (reserved > end && reserved - end <= OutputTail::kSize) {
    for (std::uint64_t i = end; i < reserved; ++i) {
      if (tail.bytes[i % OutputTail::kSize] == '\0') continue;
      end = reserved;  // it died between the kernel's copy and its own word of it
      break;
    }
  }
  take_up_to(tail, end, [end] { return end - std::min<std::uint64_t>(end, OutputTail::kSize); });
  if (!is_in_mark_) {
    std::array<char, kMaxMarkBytes> mark;
    feed({mark.data(), write_mark(mark, at)});
  }
  std::array<char, 4096> bytes;
  for (std::size_t taken = 0; pipe >= 0 && taken < kMostOfPipe;) {
    const ssize_t got = ::read(pipe, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    feed({bytes.data(), static_cast<std::size_t>(got)});
    taken += static_cast<std::size_t>(got);
  }
  if (is_in_mark_) end_mark();
  end_line();
}

// `oldest` is asked after the copy: what lies before it may have been overwritten meanwhile.
void OutputReader::take_up_to(const OutputTail& tail, std::uint64_t end, const std::function<std::uint64_t()>& oldest) {
  if (end <= position_) return;
  std::uint64_t begin = std::max(position_, end - std::min<std::uint64_t>(end, OutputTail::kSize));
  std::string copy(end - begin, '\0');
  const std::size_t at = begin % OutputTail::kSize;
  const std::size_t before_end = std::min(copy.size(), OutputTail::kSize - at);
  std::memcpy(copy.data(), tail.bytes.data() + at, before_end);
  std::memcpy(copy.data() + before_end, tail.bytes.data(), copy.size() - before_end);
  const std::uint64_t whole = std::clamp(oldest(), begin, end);
  const std::uint64_t lost = whole - position_;
  position_ = end;
  if (lost > 0) lose(lost);
  feed(std::string_view(copy).substr(whole - begin));
}

void OutputReader::lose(std::uint64_t bytes) {
  lost_bytes_ += bytes;
  is_in_mark_ = false;
  mark_.clear();
  end_line();
  skips_rest_ = true;
}

void OutputReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (is_in_mark_) {
      const auto size = std::min(bytes.find(kMarkEnd), bytes.size());
      const auto room = std::min(size, kMaxMarkBytes - mark_.size());
      mark_ += bytes.substr(0, room);
      bytes.remove_prefix(room);
      if (room < size || mark_.size() == kMaxMarkBytes) {
        end_mark();
      } else if (!bytes.empty()) {
        bytes.remove_prefix(1);
        end_mark();
      }
      continue;
    }
    const std::size_t size = std::min(bytes.find_first_of(std::string_view("\n\x1e", 2)), bytes.size());
    if (!skips_rest_ && size > 0) add_text(bytes.substr(0, size));
    if (size == bytes.size()) return;
    if (bytes[size] == '\n') {
      // An empty line is one, but not behind a log line's own end.
      if (!skips_rest_ && !has_line_) add_text({});
      end_line();
      skips_rest_ = false;
    } else {
      is_in_mark_ = true;
      mark_.clear();
    }
    bytes.remove_prefix(size + 1);
  }
}

// What began as a mark and is none was text.
void OutputReader::end_mark() {
  is_in_mark_ = false;
  const auto mark = read_mark(mark_);
  if (!mark) {
    if (!skips_rest_) add_text(kMarkBegin + mark_);
    return;
  }
  next_ = {.level = {},
           .plugin = {},
           .phase = mark->phase,
           .task = mark->task,
           .attempt = mark->attempt,
           .task_id = mark->task_id,
           .text = {}};
  if (!mark->level) return;
  end_line();  // of a text that goes on behind the log line
  skips_rest_ = false;
  line_ = next_;
  line_.level = std::min<std::uint8_t>(*mark->level, BULKHEAD_LOG_CRITICAL);
  line_.plugin = printable_text(mark->plugin);
  has_line_ = true;
}

void OutputReader::add_text(std::string_view text) {
  if (!has_line_) {
    line_ = next_;
    has_line_ = true;
  }
  line_.text += text;
  while (line_.text.size() > kMaxLineBytes) {
    const std::size_t size = cut_at(line_.text, kMaxLineBytes);
    OutputLine rest = line_;
    rest.text.erase(0, size);
    line_.text.resize(size);
    line_.text += kGoesOn;
    end_line();
    line_ = std::move(rest);
    has_line_ = true;
  }
}

void OutputReader::end_line() {
  if (!std::exchange(has_line_, false)) return;
  if (line_.text.ends_with('\r')) line_.text.pop_back();
  line_.text = printable_text(line_.text);
  keep(line_);
  sink_(std::exchange(line_, {}));
}

void OutputReader::keep(const OutputLine& line) {
  if (line.level) latest_ += "[" + line.plugin + "] " + std::string(kLevels[*line.level]) + " ";
  latest_ += line.text + "\n";
  if (latest_.size() <= kLatestBytes) return;
  const auto oldest = latest_.find('\n', latest_.size() - kLatestBytes - 1);
  // One line alone may be longer, escaped as it is: its end stays.
  latest_.erase(0, oldest + 1 < latest_.size() ? oldest + 1 : latest_.size() - kLatestBytes);
}

}  // namespace bulkhead::protocol
