#include "task_json.hpp"

namespace bulkhead::cli {

using Json = nlohmann::ordered_json;

Json json_of(const std::string& text) {
  auto value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
}

Json task_to_json(const CatalogEntry& task) {
  auto examples = Json::array();
  for (const auto& example : task.examples) {
    examples.push_back({{"arguments", json_of(example.arguments)}, {"result", json_of(example.result)}});
  }
  return {{"name", task.name}, {"signature", task.signature}, {"plugin", task.plugin}, {"version", task.version},
          {"doc", task.doc},   {"params", task.param_names},  {"examples", examples}};
}

}  // namespace bulkhead::cli
