// expect: BULKHEAD_EXCEPTION needs a type that can be rebuilt; add a constructor from const std::string&
#include <bulkhead/plugin.hpp>

struct E : std::runtime_error {
  explicit E(int code) : std::runtime_error(std::to_string(code)) {}
};
BULKHEAD_EXCEPTION(E)
