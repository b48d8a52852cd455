#include "protocol/control.hpp"

#include "bulkhead_build_id.hpp"

namespace bulkhead::protocol {

std::string_view build_id() noexcept { return BULKHEAD_BUILD_ID; }

std::string cut_text(std::string text) {
  static constexpr std::string_view kMark = "… (cut)";
  if (text.size() <= kMaxControlTextBytes) return text;
  text.resize(kMaxControlTextBytes - kMark.size());
  // Not in the middle of a UTF-8 character: its continuation bytes are 10xxxxxx.
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.pop_back();
  return text.append(kMark);
}

}  // namespace bulkhead::protocol
