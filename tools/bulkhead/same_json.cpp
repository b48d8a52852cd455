#include "same_json.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace bulkhead::cli {

namespace {

using Json = nlohmann::ordered_json;

bool is_near(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance * std::max(std::abs(a), std::abs(b));
}

bool is_same(const Json& a, const Json& b, double tolerance) {
  if (a.is_number() && b.is_number()) {
    // Integers beyond 2^53 would look alike as doubles.
    if (a.is_number_integer() && b.is_number_integer()) return a == b;
    return is_near(a.get<double>(), b.get<double>(), tolerance);
  }
  if (a.is_array() && b.is_array()) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](const Json& x, const Json& y) { return is_same(x, y, tolerance); });
  }
  if (a.is_object() && b.is_object()) {
    return a.size() == b.size() && std::ranges::all_of(a.items(), [&](const auto& item) {
             const auto other = b.find(item.key());
             return other != b.end() && is_same(item.value(), *other, tolerance);
           });
  }
  return a == b;
}

}  // namespace

bool is_same_json(const std::string& a, const std::string& b, std::string_view signature) {
  const double tolerance = signature.find("f32") == std::string_view::npos ? 1e-12 : 1e-6;
  return is_same(Json::parse(a), Json::parse(b), tolerance);
}

std::string short_json(const std::string& json) {
  const auto value = Json::parse(json, nullptr, false);
  return value.is_discarded() ? json : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace bulkhead::cli
