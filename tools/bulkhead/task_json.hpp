// A task of the catalogue as JSON, the same in every command.
#pragma once

#include <bulkhead/catalog.hpp>

#include <nlohmann/json.hpp>

namespace bulkhead::cli {

// {"name", "signature", "plugin", "version", "doc", "params", "examples": [{"arguments", "result"}]}
[[nodiscard]] nlohmann::ordered_json task_to_json(const CatalogEntry& task);

// The value of what an author wrote as JSON; as a text where it is none.
[[nodiscard]] nlohmann::ordered_json json_of(const std::string& text);

}  // namespace bulkhead::cli
