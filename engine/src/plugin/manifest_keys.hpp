// Every key that a manifest may have: what is checked, and what the reference shows, comes from here.
//
// Threads: any; the table is constant.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace bulkhead::plugin {

struct ManifestKey {
  enum class Kind : std::uint8_t {
    kText,
    kWord,   // one of `words`
    kCount,  // a whole number from `least` to `most`, or the first of `words`
    kDuration,
    kBytes,
    kFlag,
    kTexts,
    kJsonArray,
    kJsonObject,
  };
  std::string_view table;  // "pool"; "" is the file's top
  std::string_view key;
  Kind kind = Kind::kText;
  std::string_view fallback;  // what holds when it is not written
  std::string_view meaning;
  int least = 0;
  int most = std::numeric_limits<int>::max();
  std::array<std::string_view, 7> words = {};
};

[[nodiscard]] std::span<const ManifestKey> manifest_keys() noexcept;
// Those of one table: "", "pool", "plugin", "task", "log", "limits".
[[nodiscard]] std::span<const ManifestKey> manifest_keys_of(std::string_view table) noexcept;

// The words of a kWord, without the empty ones.
[[nodiscard]] std::span<const std::string_view> words_of(const ManifestKey& key) noexcept;

}  // namespace bulkhead::plugin
