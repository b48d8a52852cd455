// expect: write BULKHEAD_EXCEPTION at global scope
#include <bulkhead/plugin.hpp>

namespace n {
struct E : std::runtime_error {
  using std::runtime_error::runtime_error;
};
BULKHEAD_EXCEPTION(E)
}  // namespace n
