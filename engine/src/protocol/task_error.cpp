// Rebuilds what a task threw from its envelope.
#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "bulkhead/detail/rebuilt_exception.hpp"
#include "bulkhead/sdk/json_text.hpp"
#include "protocol/envelope.hpp"

namespace bulkhead::protocol {
namespace {

constexpr std::size_t kMaxCauses = 64;

// Stands for a category this program does not have, so that `catch (const std::system_error&)`
// still matches and its code equals none of this program's. TaskError::info().category has the real
// name.
class ForeignCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "foreign"; }
  [[nodiscard]] std::string message(int value) const override {
    return "error " + std::to_string(value) + " of a category this program does not know";
  }
};

[[nodiscard]] const std::error_category& category_of(std::string_view name) {
  static const ForeignCategory foreign;
  if (name == "generic") return std::generic_category();
  if (name == "system") return std::system_category();
  return foreign;
}

using Maker = std::exception_ptr (*)(std::string, TaskError::Info);

// std::system_error is told by its category, so that classes derived from it are rebuilt as one
// too.
constexpr std::array<std::pair<std::string_view, Maker>, 11> kMakers{{
    {"std::runtime_error", detail::make_error<TaskError, std::runtime_error>},
    {"std::logic_error", detail::make_error<TaskError, std::logic_error>},
    {"std::invalid_argument", detail::make_error<TaskError, std::invalid_argument>},
    {"std::domain_error", detail::make_error<TaskError, std::domain_error>},
    {"std::length_error", detail::make_error<TaskError, std::length_error>},
    {"std::out_of_range", detail::make_error<TaskError, std::out_of_range>},
    {"std::range_error", detail::make_error<TaskError, std::range_error>},
    {"std::overflow_error", detail::make_error<TaskError, std::overflow_error>},
    {"std::underflow_error", detail::make_error<TaskError, std::underflow_error>},
    {"std::bad_alloc", detail::make_error<TaskError, std::bad_alloc>},
    {"std::bad_array_new_length", detail::make_error<TaskError, std::bad_array_new_length>},
}};

// What the details say beside what TaskError::Info tells.
struct Details {
  std::string members;  // of an exception that BULKHEAD_EXCEPTION named, as the plugin wrote them
};

[[nodiscard]] std::exception_ptr make_task_error(std::string text, TaskError::Info info, const Details& details) {
  for (const auto* type = detail::rebuilt_exceptions; type != nullptr; type = type->next) {
    if (type->name != info.type_name) continue;
    if (auto rebuilt = type->make(text, info, std::as_bytes(std::span(details.members)))) return rebuilt;
  }
  if (!info.category.empty()) {
    const std::error_code code(info.value, category_of(info.category));
    return std::make_exception_ptr(
        detail::Thrown<TaskError, std::system_error>(std::move(text), std::move(info), code));
  }
  for (const auto& [name, make] : kMakers) {
    if (name == info.type_name) return make(std::move(text), std::move(info));
  }
  return detail::make_error<TaskError>(std::move(text), std::move(info));
}

[[nodiscard]] std::string text_member(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Fills causes, category and value in as far as `detail_json` has them in the right form; gives the rest.
[[nodiscard]] Details read_details(const std::string& detail_json, TaskError::Info& info) {
  Details rest;
  if (detail_json.empty()) return rest;
  const auto details = nlohmann::json::parse(detail_json, nullptr, /*allow_exceptions=*/false);
  if (!details.is_object()) return rest;
  rest.members = sdk::decode_base64(text_member(details, "members")).value_or(std::string());
  if (const auto code = details.find("code"); code != details.end() && code->is_number_integer()) {
    const auto value = code->get<std::int64_t>();
    if (value >= std::numeric_limits<int>::min() && value <= std::numeric_limits<int>::max()) {
      info.category = text_member(details, "category");
      info.value = static_cast<int>(value);
    }
  }
  const auto causes = details.find("causes");
  if (causes == details.end() || !causes->is_array()) return rest;
  for (const auto& cause : *causes) {
    if (info.causes.size() == kMaxCauses) break;
    if (!cause.is_object()) continue;
    info.causes.push_back({text_member(cause, "type"), text_member(cause, "text")});
  }
  return rest;
}

// "division by zero [std::domain_error]"; the type alone when there is no text, or when the text
// only repeats it.
[[nodiscard]] std::string describe(const std::string& type, const std::string& text) {
  if (text.empty() || text == type) return type.empty() ? "no reason was given" : type;
  return type.empty() ? text : text + " [" + type + "]";
}

}  // namespace

std::exception_ptr envelope_to_task_error(ErrorEnvelope envelope, const std::string& task, std::uint64_t task_id,
                                          std::int64_t worker_pid, std::vector<Cause> attempts) {
  std::string text = "task \"" + task + "\" ";
  if (envelope.phase == Phase::kDecode || envelope.phase == Phase::kEncode) {
    text += envelope.phase == Phase::kDecode ? "could not decode its arguments" : "could not encode its result";
    text += " (phase " + std::string(name_of(envelope.phase)) + "): ";
    text += describe({}, envelope.text);
    return detail::make_error<PayloadError>(std::move(text));
  }
  TaskError::Info info;
  info.task = task;
  info.phase = envelope.phase;
  info.task_id = task_id;
  info.worker_pid = worker_pid;
  info.attempts = std::move(attempts);
  const Details details = read_details(envelope.detail_json, info);
  text += envelope.phase == Phase::kInit ? "could not make its state: " : "failed: ";
  text += describe(envelope.type, envelope.text);
  for (const Cause& cause : info.causes) text += "; caused by: " + describe(cause.type, cause.text);
  info.type_name = std::move(envelope.type);
  info.text = std::move(envelope.text);
  return make_task_error(std::move(text), std::move(info), details);
}

}  // namespace bulkhead::protocol
