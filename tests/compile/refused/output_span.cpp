// expect: take std::span<const T>
#include <bulkhead/plugin.hpp>

void f(std::span<int> s) { s[0] = 1; }
BULKHEAD_PLUGIN("p", "1", f)
