#include "text/grep.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <memory>
#include <span>
#include <stdexcept>
#include <string_view>

#include "support/regular_file.hpp"

namespace text {
namespace {

constexpr std::uint32_t kDefaultCount = 1000;

// Maps ask for the same pattern again and again, and compiling it takes longer than searching a small file.
const RE2& compiled(const std::string& pattern) {
  thread_local std::unique_ptr<const RE2> last;
  if (last == nullptr || last->pattern() != pattern) {
    RE2::Options options;
    options.set_log_errors(false);
    last.reset();
    auto regex = std::make_unique<const RE2>(pattern, options);
    if (!regex->ok()) throw std::invalid_argument("cannot search for \"" + pattern + "\": " + regex->error());
    last = std::move(regex);
  }
  return *last;
}

std::string_view told_of(std::string_view line) {
  if (line.size() <= kMaxToldBytes) return line;
  std::size_t end = kMaxToldBytes;
  // A byte of the form 10xxxxxx goes on with a character, which has three of them at most.
  for (int i = 0; i < 3 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80; ++i) --end;
  return line.substr(0, end);
}

class LineSearch {
 public:
  LineSearch(const RE2& regex, std::size_t count) : regex_(regex), count_(count) {}

  [[nodiscard]] bool is_done() const { return matches_.size() >= count_; }

  void take(std::string_view block) {
    while (!block.empty() && !is_done()) {
      const std::size_t end = block.find('\n');
      if (end == std::string_view::npos) return keep(block);
      if (has_begun_) {
        keep(block.substr(0, end));
        end_line(begun_);
        begun_.clear();
        has_begun_ = false;
      } else {
        end_line(block.substr(0, end));
      }
      block.remove_prefix(end + 1);
    }
  }

  std::vector<Match> finish() && {
    if (has_begun_ && !is_done()) end_line(begun_);
    return std::move(matches_);
  }

 private:
  // The line goes on in the next block.
  void keep(std::string_view part) {
    has_begun_ = true;
    begun_ += part.substr(0, kMaxSearchedBytes - begun_.size());
  }
  void end_line(std::string_view line) {
    ++line_;
    line = line.substr(0, kMaxSearchedBytes);
    if (RE2::PartialMatch({line.data(), line.size()}, regex_)) matches_.push_back({line_, std::string(told_of(line))});
  }

  const RE2& regex_;
  std::size_t count_;
  std::vector<Match> matches_;
  std::uint64_t line_ = 0;
  std::string begun_;  // at most kMaxSearchedBytes
  bool has_begun_ = false;
};

}  // namespace

std::vector<Match> grep(const std::filesystem::path& path, const std::string& pattern,
                        std::optional<std::uint32_t> count) {
  LineSearch search(compiled(pattern), count.value_or(kDefaultCount));
  plugin_support::RegularFile file(path);
  const std::span<std::byte> buffer = plugin_support::read_buffer();
  while (!search.is_done()) {
    const std::size_t size_bytes = file.read_some(buffer);
    if (size_bytes == 0) break;
    search.take({reinterpret_cast<const char*>(buffer.data()), size_bytes});
  }
  return std::move(search).finish();
}

}  // namespace text
