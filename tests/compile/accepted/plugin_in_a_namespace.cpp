#include <bulkhead/plugin.hpp>

namespace mine {
int f(int x) { return x; }
BULKHEAD_PLUGIN("p", "1", f)
}  // namespace mine
