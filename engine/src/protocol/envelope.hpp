// How a failure travels from a worker to the caller: type name, text and details, never the
// exception itself.
//
// Ownership: an envelope owns its texts.
// Threads:   plain functions over their arguments.
// Encoding fails only when memory runs out. Decoding survives any bytes and answers nullopt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <bulkhead/error.hpp>
#include <bulkhead/sdk/byte_sink.hpp>

namespace bulkhead::protocol {

inline constexpr std::size_t kMaxErrorTypeBytes = 1024;
inline constexpr std::size_t kMaxErrorTextBytes = 64 * 1024;
inline constexpr std::size_t kMaxErrorDetailBytes = 64 * 1024;
// The phase and three size tags, generously.
inline constexpr std::size_t kEnvelopeOverheadBytes = 64;
inline constexpr std::size_t kMaxEnvelopeBytes =
    kMaxErrorTypeBytes + kMaxErrorTextBytes + kMaxErrorDetailBytes + kEnvelopeOverheadBytes;

struct ErrorEnvelope {
  Phase phase = Phase::kRun;
  std::string type;         // "std::domain_error"; empty when what was thrown has no name
  std::string text;         // its what()
  std::string detail_json;  // as bulkhead_call::fail() in the SDK's abi.h describes it, or empty
};

// Shortens the texts to their limits, and further until the encoded form has at most `max_bytes`. A
// text that was cut ends in "… (cut)"; details, which are useless in part, become {"cut":true}.
// Requires: max_bytes >= 4 * kEnvelopeOverheadBytes.
void cut_to_fit(ErrorEnvelope& envelope, std::size_t max_bytes = kMaxEnvelopeBytes);

// Appends the wire form. Requires: cut_to_fit() was called.
void encode_envelope(sdk::ByteSink& to, const ErrorEnvelope& envelope);

// nullopt: not an envelope, or one over the limits.
[[nodiscard]] std::optional<ErrorEnvelope> decode_envelope(std::span<const std::byte> bytes) noexcept;

// What the caller's get() throws. Phases kDecode and kEncode become a PayloadError; all others a
// TaskError that is also what the task threw: a type named by BULKHEAD_EXCEPTION, any class of <stdexcept>,
// std::bad_alloc, std::bad_array_new_length, std::system_error (for whatever derives from it; its
// category is "generic" or "system" or a stand-in), and std::runtime_error for everything else.
// Malformed details are ignored.
[[nodiscard]] std::exception_ptr envelope_to_task_error(ErrorEnvelope envelope, const std::string& task,
                                                        std::uint64_t task_id, std::int64_t worker_pid,
                                                        std::vector<Cause> attempts = {});

}  // namespace bulkhead::protocol
