#include "worker/discarded_call.hpp"

#include <algorithm>
#include <utility>

#include "worker/executor_boundary.hpp"
#include "worker/plugin_host.hpp"

namespace bulkhead::worker {

DiscardedCall::DiscardedCall(const protocol::CallHeader& header, const std::uint32_t& stop) {
  table_.size = sizeof table_;
  table_.codec = header.codec;
  table_.self = this;
  table_.stop = &stop;
  table_.deadline_ns = header.deadline_ns;
  table_.task_id = header.task_id;
  table_.item_stride = header.payload_bytes;
  table_.attempt = header.attempt;
  table_.reserve = [](void* self, std::size_t size) -> void* {
    return serve_plugin([&]() -> void* {
      if (size > protocol::kMaxPayloadBytes) return nullptr;
      auto& room = static_cast<DiscardedCall*>(self)->room_;
      // A pointer is due even for no bytes: NULL means refused.
      room.resize(std::max(room.size(), std::max<std::size_t>(size, 1)));
      return room.data();
    });
  };
  table_.commit = [](void*, std::size_t) {};
  table_.fail = [](void* self, const char* type, std::size_t type_size, const char* text, std::size_t text_size,
                   const char* detail, std::size_t detail_size) {
    serve_plugin([&] {
      store_failure(static_cast<DiscardedCall*>(self)->failure_, type, type_size, text, text_size, detail, detail_size);
    });
  };
  table_.end_item = [](void* self, std::int32_t outcome) -> std::int32_t {
    auto& call = *static_cast<DiscardedCall*>(self);
    if (call.outcome_) return 1;
    call.outcome_ = outcome;
    return 0;
  };
  table_.share = [](void*, std::uint64_t, std::int32_t, std::uint64_t, std::uint32_t) -> std::int32_t { return 0; };
  table_.progress = [](void*, std::uint64_t, std::uint64_t, const char*, std::size_t) {};
}

std::string DiscardedCall::failure(std::int32_t returned) {
  if (!outcome_ && returned == BULKHEAD_OK) return "the plugin returned without ending the call";
  if (outcome_.value_or(returned) == BULKHEAD_OK) return {};
  if (failure_.type.empty() && failure_.text.empty()) return "the plugin gave no reason";
  return failure_text(std::exchange(failure_, {}));
}

}  // namespace bulkhead::worker
