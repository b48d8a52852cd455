// A call of one item whose result nobody wants: a pool's initializer.
//
// Threads: one. What the plugin makes of its functions is only remembered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <bulkhead/sdk/abi.h>

#include "protocol/envelope.hpp"
#include "protocol/record.hpp"

namespace bulkhead::worker {

class DiscardedCall {
 public:
  // `stop` is the worker's stop word, which outlives the call.
  DiscardedCall(const protocol::CallHeader& header, const std::uint32_t& stop);
  DiscardedCall(const DiscardedCall&) = delete;
  DiscardedCall& operator=(const DiscardedCall&) = delete;

  [[nodiscard]] const bulkhead_call& table() const noexcept { return table_; }

  // Why the task failed; empty: it did not. `returned` is what invoke_batch() returned.
  [[nodiscard]] std::string failure(std::int32_t returned);

 private:
  bulkhead_call table_{};
  std::vector<std::byte> room_;
  std::optional<std::int32_t> outcome_;
  protocol::ErrorEnvelope failure_;
};

}  // namespace bulkhead::worker
