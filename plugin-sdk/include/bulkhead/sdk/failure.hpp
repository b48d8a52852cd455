// Tells the worker why an item failed: type, text, causes and code of the exception in flight.
//
// Threads: the one that runs the call. Nothing is thrown.
#pragma once

#include <cxxabi.h>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <typeinfo>

#include <bulkhead/sdk/abi.h>
#include <bulkhead/sdk/context.hpp>
#include <bulkhead/sdk/errors.hpp>
#include <bulkhead/sdk/exception.hpp>
#include <bulkhead/sdk/json_text.hpp>
#include <bulkhead/sdk/readable_name.hpp>

// A forced unwind has no object, so libstdc++ binds the handler's reference to null; -fsanitize=undefined objects to that.
#define BULKHEAD_SDK_CATCHES_FORCED_UNWIND __attribute__((no_sanitize("null", "alignment")))

namespace bulkhead::sdk {

// JSON strings are UTF-8; what() may be anything.
inline void append_any_json_string(std::string& out, std::string_view text) {
  if (is_utf8(text)) return append_json_string(out, text);
  std::string readable;
  for (const char c : text) readable += static_cast<unsigned char>(c) < 0x80 ? c : '?';
  append_json_string(out, readable);
}

inline constexpr int kMaxCauses = 16;

// Appends {"type":...,"text":...} for each exception nested in `error`.
inline void append_causes(std::string& out, const std::exception& error, int already) {
  if (already == kMaxCauses) return;
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    out += out.empty() ? "{\"type\":" : ",{\"type\":";
    append_any_json_string(out, readable_name(&typeid(cause)));
    out += ",\"text\":";
    append_any_json_string(out, cause.what());
    out += '}';
    append_causes(out, cause, already + 1);
  } catch (...) {
    out += out.empty() ? "{\"type\":" : ",{\"type\":";
    append_any_json_string(out, readable_name(abi::__cxa_current_exception_type()));
    out += ",\"text\":\"\"}";
  }
}

// The members of an exception whose type BULKHEAD_EXCEPTION named, as base64; empty when there are none to carry.
inline std::string members_of(const std::exception& error, const ExceptionType* type) {
  std::string text;
  if (type == nullptr) return text;
  try {
    BufferSink members;
    if (type->write_members(members, error)) {
      append_base64(text, {reinterpret_cast<const char*>(members.bytes().data()), members.bytes().size()});
    }
  } catch (const EncodeError&) {
    // A member without a form: the host gets a TaskError with type and text.
  }
  return text;
}

// The detail of a failure as the C table wants it; empty when there is none.
inline std::string detail_of(const std::exception& error, const ExceptionType* type) {
  std::string detail;
  const auto add = [&detail](std::string_view key) -> std::string& {
    detail += detail.empty() ? '{' : ',';
    append_json_string(detail, key);
    return detail += ':';
  };
  std::string causes;
  append_causes(causes, error, 0);
  if (!causes.empty()) add("causes") += '[' + causes + ']';
  if (const auto* system = dynamic_cast<const std::system_error*>(&error)) {
    append_any_json_string(add("category"), system->code().category().name());
    add("code") += std::to_string(system->code().value());
  }
  if (const std::string members = members_of(error, type); !members.empty()) add("members") += '"' + members + '"';
  if (!detail.empty()) detail += '}';
  return detail;
}

inline void tell_failure(const bulkhead_call* call, std::string_view type, std::string_view text,
                         std::string_view detail = {}) {
  if (call == nullptr || call->fail == nullptr) return;
  call->fail(call->self, type.data(), type.size(), text.data(), text.size(), detail.data(), detail.size());
}

// Tells the exception being handled to `call`. Returns the outcome: BULKHEAD_STOPPED for
// TaskContext::check(), else `outcome`. Requires: called in a catch block, and not for a forced
// unwind.
inline std::int32_t tell_current_exception(const bulkhead_call* call, std::int32_t outcome) noexcept {
  try {
    try {
      throw;
    } catch (const Stopped&) {
      return BULKHEAD_STOPPED;
    } catch (const DecodeError& error) {
      tell_failure(call, "bulkhead::DecodeError", error.what());
    } catch (const EncodeError& error) {
      tell_failure(call, "bulkhead::EncodeError", error.what());
    } catch (const std::exception& error) {
      const std::string name = readable_name(&typeid(error));
      const ExceptionType* type = find_exception_type(name);
      tell_failure(call, type == nullptr ? name : type->name, error.what(), detail_of(error, type));
    } catch (...) {
      tell_failure(call, readable_name(abi::__cxa_current_exception_type()), "");
    }
  } catch (...) {
    // Out of memory while telling; this needs none.
    tell_failure(call, "std::bad_alloc", "out of memory while telling why the task failed");
  }
  return outcome;
}

}  // namespace bulkhead::sdk
