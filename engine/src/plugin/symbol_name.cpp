#include "plugin/symbol_name.hpp"

#include <cxxabi.h>

#include <bit>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace bulkhead::plugin {

namespace {

// Written out, a name has at most 2 to the power of this many bytes: 4 MiB take some 20 ms.
constexpr std::size_t kMostBits = 22;
// Longer ones tell people nothing.
constexpr std::size_t kMostBytes = 16 * 1024;

// The logarithm of an upper bound of what the name is when written out. The demangler itself knows no bound: a name of
// 235 bytes became one of 276 MB, and 40 bytes more would have taken the machine's memory.
//
// Each "S3_" or "T_" stands for something that the rest says, so it doubles the whole at most; a pack's expansion ("Dp",
// "sp") repeats at most the whole as often as the name has bytes. What looks like one inside an identifier counts too.
std::size_t bits_when_written_out(std::string_view symbol) {
  const auto length = static_cast<std::size_t>(std::bit_width(symbol.size()));
  std::size_t bits = length;
  for (std::size_t i = 0; i + 1 < symbol.size(); ++i) {
    const std::string_view two = symbol.substr(i, 2);
    if (two == "Dp" || two == "sp") bits += length;
    if (two[0] != 'S' && two[0] != 'T') continue;
    const auto end = symbol.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", i + 1);
    if (end != std::string_view::npos && symbol[end] == '_') ++bits;
  }
  return bits;
}

}  // namespace

std::string spelled_for_people(const std::string& symbol) {
  if (bits_when_written_out(symbol) > kMostBits) return symbol;
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> spelled(abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status),
                                                       &std::free);
  if (!spelled || status != 0) return symbol;
  const std::string_view text(spelled.get());
  return text.size() <= kMostBytes ? std::string(text) : symbol;
}

}  // namespace bulkhead::plugin
