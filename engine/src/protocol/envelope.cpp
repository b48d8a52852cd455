#include "protocol/envelope.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include <bulkhead/sdk/archive.hpp>

namespace bulkhead::protocol {
namespace {

constexpr std::string_view kCutMark = "… (cut)";
constexpr std::string_view kCutDetail = R"({"cut":true})";

void cut_text(std::string& text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return;
  if (max_bytes < kCutMark.size()) {
    text.clear();
    return;
  }
  std::size_t keep = max_bytes - kCutMark.size();
  // Not in the middle of a UTF-8 character: its continuation bytes are 10xxxxxx.
  const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0u) == 0x80u; };
  for (int step = 0; step < 3 && keep > 0 && continues(keep); ++step) --keep;
  text.resize(keep);
  text += kCutMark;
}

}  // namespace

void cut_to_fit(ErrorEnvelope& envelope, std::size_t max_bytes) {
  const std::size_t room = max_bytes - std::min(max_bytes, kEnvelopeOverheadBytes);
  cut_text(envelope.type, std::min(kMaxErrorTypeBytes, room / 4));
  // The text is worth more than the details: it is all that most callers ever show.
  cut_text(envelope.text,
           std::min(kMaxErrorTextBytes, room - envelope.type.size() - std::min(room / 4, kCutDetail.size())));
  const std::size_t left = room - envelope.type.size() - envelope.text.size();
  if (envelope.detail_json.size() > std::min(kMaxErrorDetailBytes, left)) {
    envelope.detail_json = kCutDetail.size() <= left ? kCutDetail : std::string_view{};
  }
}

void encode_envelope(sdk::ByteSink& to, const ErrorEnvelope& envelope) {
  sdk::write(to, static_cast<std::uint8_t>(envelope.phase), envelope.type, envelope.text, envelope.detail_json);
}

std::optional<ErrorEnvelope> decode_envelope(std::span<const std::byte> bytes) noexcept try {
  if (bytes.size() > kMaxEnvelopeBytes) return std::nullopt;
  std::uint8_t phase = 0;
  ErrorEnvelope envelope;
  sdk::read(bytes, phase, envelope.type, envelope.text, envelope.detail_json);
  if (phase > static_cast<std::uint8_t>(kLastPhase)) return std::nullopt;
  if (envelope.type.size() > kMaxErrorTypeBytes || envelope.text.size() > kMaxErrorTextBytes ||
      envelope.detail_json.size() > kMaxErrorDetailBytes) {
    return std::nullopt;
  }
  envelope.phase = static_cast<Phase>(phase);
  return envelope;
} catch (...) {
  // DecodeError, or no memory for texts of 129 KiB: either way there is no envelope.
  return std::nullopt;
}

}  // namespace bulkhead::protocol
