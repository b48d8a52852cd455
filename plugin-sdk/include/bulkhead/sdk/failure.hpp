// Tells the worker why an item failed: type, text, causes and code of the exception in flight.
//
// Threads: the one that runs the call. Nothing is thrown.
#pragma once

#include <cxxabi.h>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <typeinfo>

#include <bulkhead/sdk/abi.h>
#include <bulkhead/sdk/context.hpp>
#include <bulkhead/sdk/errors.hpp>
#include <bulkhead/sdk/json_text.hpp>

// A forced unwind has no object, so libstdc++ binds the handler's reference to null; -fsanitize=undefined objects to that.
#define BULKHEAD_SDK_CATCHES_FORCED_UNWIND __attribute__((no_sanitize("null", "alignment")))

namespace bulkhead::sdk {

// "std::domain_error", for any type; "?" when there is none.
inline std::string readable_name(const std::type_info* type) {
  if (type == nullptr) return "?";
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                    std::free);
  std::string_view readable = status == 0 && name ? name.get() : type->name();
  // What std::throw_with_nested() throws is a type of the library's around the one that was named.
  constexpr std::string_view kNested = "std::_Nested_exception<";
  if (readable.starts_with(kNested) && readable.ends_with('>')) {
    readable.remove_prefix(kNested.size());
    readable.remove_suffix(1);
    if (readable.ends_with(' ')) readable.remove_suffix(1);
  }
  return std::string(readable);
}

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

// The detail of a failure as the C table wants it; empty when there is none.
inline std::string detail_of(const std::exception& error) {
  std::string detail;
  std::string causes;
  append_causes(causes, error, 0);
  if (!causes.empty()) detail += "{\"causes\":[" + causes + "]";
  if (const auto* system = dynamic_cast<const std::system_error*>(&error)) {
    detail += detail.empty() ? "{\"category\":" : ",\"category\":";
    append_any_json_string(detail, system->code().category().name());
    detail += ",\"code\":" + std::to_string(system->code().value());
  }
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
      tell_failure(call, readable_name(&typeid(error)), error.what(), detail_of(error));
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
