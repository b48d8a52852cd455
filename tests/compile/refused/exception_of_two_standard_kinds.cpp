// expect: BULKHEAD_EXCEPTION needs a type with exactly one public std::exception base
#include <bulkhead/plugin.hpp>

struct E : std::runtime_error, std::bad_alloc {
  explicit E(const std::string& text) : std::runtime_error(text) {}
  const char* what() const noexcept override { return std::runtime_error::what(); }
};
BULKHEAD_EXCEPTION(E)
