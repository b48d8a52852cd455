#include "plugin/nearest_names.hpp"

#include <algorithm>
#include <array>

namespace bulkhead::plugin {

namespace {

// Longer names are nobody's slip, and the distance costs the product of both lengths.
constexpr std::size_t kMaxComparedBytes = 200;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) noexcept { return std::ranges::equal(a, b, {}, lower, lower); }

// Optimal string alignment distance: only the last two rows of the table are kept.
std::size_t distance(std::string_view a, std::string_view b) {
  using Row = std::array<std::size_t, kMaxComparedBytes + 1>;
  Row before_last{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last = last;
    last = row;
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const char x = lower(a[i - 1]);
      const char y = lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (x == y ? 0 : 1)});
      if (i > 1 && j > 1 && x == lower(b[j - 2]) && y == lower(a[i - 2])) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

std::string_view last_part(std::string_view name) {
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view wanted, std::span<const std::string_view> candidates,
                                       std::size_t max) {
  struct Scored {
    std::size_t score;
    std::string_view name;
  };
  if (wanted.empty() || wanted.size() > kMaxComparedBytes) return {};
  const std::size_t limit = std::max<std::size_t>(1, (wanted.size() + 1) / 3);
  std::vector<Scored> scored;
  for (const std::string_view name : candidates) {
    if (name.size() > kMaxComparedBytes) continue;
    if (last_part(name).size() != name.size() && same_name(last_part(name), wanted)) {
      scored.push_back({0, name});
      continue;
    }
    const std::size_t shorter = std::min(name.size(), wanted.size());
    if (std::max(name.size(), wanted.size()) - shorter > limit) continue;
    const std::size_t score = distance(wanted, name);
    if (score <= limit && score < wanted.size()) scored.push_back({score, name});
  }
  // (Not a defaulted <=>: g++ 12 leaves std::string_view's undefined for a local class.)
  std::ranges::sort(scored, [](const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score < b.score : a.name < b.name;
  });
  std::vector<std::string> names;
  for (const Scored& one : scored) {
    if (names.size() == max) break;
    names.emplace_back(one.name);
  }
  return names;
}

std::string did_you_mean(std::span<const std::string> names) {
  if (names.empty()) return {};
  std::string text = "did you mean ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += '"' + names[i] + '"';
  }
  return text + "?";
}

}  // namespace bulkhead::plugin
