#include <bulkhead/plugin.hpp>

std::int64_t add(std::int64_t a, std::int64_t b) { return a + b; }
BULKHEAD_PLUGIN("minimal", "1.0.0", add)
