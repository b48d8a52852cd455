#include "signature.hpp"

namespace bulkhead::cli {

namespace {

constexpr std::string_view kOptional = "optional<";

Kind kind_of(std::string_view type) {
  if (type.starts_with(kOptional)) type = type.substr(kOptional.size(), type.size() - kOptional.size() - 1);
  if (type == "str") return Kind::kStr;
  if (type == "path") return Kind::kPath;
  if (type == "bytes") return Kind::kBytes;
  return Kind::kJson;
}

}  // namespace

Signature parse_signature(std::string_view text) {
  Signature signature{.text = std::string(text), .parameters = {}};
  const std::size_t arrow = text.rfind(")->");
  if (arrow == std::string_view::npos || !text.starts_with('(')) return signature;
  const std::string_view list = text.substr(1, arrow - 1);
  int depth = 0;
  std::size_t from = 0;
  for (std::size_t at = 0; at <= list.size() && !list.empty(); ++at) {
    const char c = at < list.size() ? list[at] : ',';
    if (c == '<') ++depth;
    if (c == '>') --depth;
    if (c != ',' || (depth != 0 && at < list.size())) continue;
    const std::string_view type = list.substr(from, at - from);
    signature.parameters.push_back({std::string(type), kind_of(type)});
    if (!type.starts_with(kOptional)) signature.required = signature.parameters.size();
    from = at + 1;
  }
  signature.result = kind_of(text.substr(arrow + 3));
  return signature;
}

std::string argument_count(const Signature& signature) {
  const std::size_t most = signature.parameters.size();
  std::string text;
  if (signature.required != most) text = std::to_string(signature.required) + " to ";
  return text + (most == 0 ? "no" : std::to_string(most)) + (most == 1 ? " argument" : " arguments");
}

}  // namespace bulkhead::cli
