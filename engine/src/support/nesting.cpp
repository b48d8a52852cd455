#include "support/nesting.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace bulkhead::support {

namespace {
constexpr const char* kVariable = "BULKHEAD_NESTING";
}

int nesting_depth() noexcept {
  const char* const text = std::getenv(kVariable);
  int depth = 0;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), depth);
  return std::clamp(depth, 0, kDeepestNesting);
}

void enter_worker() noexcept {
  std::array<char, 16> text{};
  std::to_chars(text.data(), text.data() + text.size() - 1, nesting_depth() + 1);
  ::setenv(kVariable, text.data(), 1);
}

}  // namespace bulkhead::support
