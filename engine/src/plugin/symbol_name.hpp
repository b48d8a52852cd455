// Names of functions and types as people write them, from names that nobody vouches for.
#pragma once

#include <string>

namespace bulkhead::plugin {

// "shop::price(int)" for "_ZN4shop5priceEi", "std::domain_error" for "St12domain_error". What no compiler has spelled
// stays as it is, and so does what would take very long to write out.
[[nodiscard]] std::string spelled_for_people(const std::string& symbol);

}  // namespace bulkhead::plugin
