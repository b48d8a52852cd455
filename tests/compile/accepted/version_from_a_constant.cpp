#include <bulkhead/plugin.hpp>

int f(int x) { return x; }
constexpr const char* kVersion = "1.0";
BULKHEAD_PLUGIN("p", kVersion, f)
