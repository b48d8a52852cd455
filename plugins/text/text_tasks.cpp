#include "text/text_tasks.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <string_view>
#include <unordered_map>

#include "support/regular_file.hpp"

namespace text {
namespace {

constexpr std::uint32_t kDefaultWords = 10;
constexpr std::size_t kMaxWordBytes = 1024;

constexpr bool is_space(std::byte value) {
  const auto c = std::to_integer<unsigned char>(value);
  // Two comparisons without a branch, which the compiler turns into vector code; \t to \r are 9
  // to 13.
  return (c == ' ') | (static_cast<unsigned char>(c - '\t') < 5);
}

// What a byte of the file adds to a word: itself, its small letter, or 0 where it ends the word.
constexpr std::array<char, 256> make_word_bytes() {
  std::array<char, 256> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    const bool is_lower = c >= 'a' && c <= 'z';
    const bool is_digit = c >= '0' && c <= '9';
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (is_lower || is_digit || c == '\'' || c > 127) table[c] = static_cast<char>(c);
    if (is_upper) table[c] = static_cast<char>(c - 'A' + 'a');
  }
  return table;
}

constexpr std::array<char, 256> kWordBytes = make_word_bytes();

struct TransparentHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view word) const noexcept { return std::hash<std::string_view>{}(word); }
};

// Looked up by view, so that only a word's first occurrence allocates.
using WordCounts = std::unordered_map<std::string, std::uint64_t, TransparentHash, std::equal_to<>>;

class WordCollector {
 public:
  void take(std::span<const std::byte> block) {
    for (const std::byte value : block) {
      const char c = kWordBytes[std::to_integer<unsigned char>(value)];
      if (c == 0) {
        end_word();
      } else if (run_bytes_ < kMaxWordBytes) {
        run_[run_bytes_++] = c;
      } else {
        is_too_long_ = true;
      }
    }
  }

  WordCounts finish() && {
    end_word();
    return std::move(counts_);
  }

 private:
  void end_word() {
    std::string_view word(run_.data(), is_too_long_ ? 0 : run_bytes_);
    run_bytes_ = 0;
    is_too_long_ = false;
    while (!word.empty() && word.front() == '\'') word.remove_prefix(1);
    while (!word.empty() && word.back() == '\'') word.remove_suffix(1);
    if (word.empty()) return;
    const auto found = counts_.find(word);
    if (found != counts_.end()) {
      ++found->second;
    } else {
      counts_.emplace(word, 1);
    }
  }

  WordCounts counts_;
  // The run that the last byte belongs to; it may go on in the next block.
  std::array<char, kMaxWordBytes> run_;
  std::size_t run_bytes_ = 0;
  bool is_too_long_ = false;
};

}  // namespace

std::uint64_t word_count(const std::filesystem::path& path) {
  std::uint64_t words = 0;
  std::byte previous{' '};
  plugin_support::read_blocks(path, [&](std::span<const std::byte> block) {
    words += is_space(previous) && !is_space(block.front());
    for (std::size_t i = 1; i < block.size(); ++i) {
      words += is_space(block[i - 1]) & !is_space(block[i]);
    }
    previous = block.back();
  });
  return words;
}

std::uint64_t line_count(const std::filesystem::path& path) {
  std::uint64_t lines = 0;
  plugin_support::read_blocks(path, [&](std::span<const std::byte> block) {
    lines += static_cast<std::uint64_t>(std::ranges::count(block, std::byte{'\n'}));
  });
  return lines;
}

std::vector<std::tuple<std::string, std::uint64_t>> top_words(const std::filesystem::path& path,
                                                              std::optional<std::uint32_t> count) {
  WordCollector collector;
  plugin_support::read_blocks(path, [&](std::span<const std::byte> block) { collector.take(block); });
  const WordCounts counts = std::move(collector).finish();

  std::vector<const WordCounts::value_type*> order;
  order.reserve(counts.size());
  for (const auto& entry : counts) order.push_back(&entry);
  const std::size_t wanted = std::min<std::size_t>(count.value_or(kDefaultWords), order.size());
  const auto end_of_wanted = order.begin() + static_cast<std::ptrdiff_t>(wanted);
  std::partial_sort(order.begin(), end_of_wanted, order.end(), [](auto* left, auto* right) {
    if (left->second != right->second) return left->second > right->second;
    return left->first < right->first;
  });

  std::vector<std::tuple<std::string, std::uint64_t>> words;
  words.reserve(wanted);
  for (auto it = order.begin(); it != end_of_wanted; ++it) {
    words.emplace_back((*it)->first, (*it)->second);
  }
  return words;
}

}  // namespace text
