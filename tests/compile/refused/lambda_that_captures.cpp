// expect: a lambda of a task must not capture; use globals, or a state
#include <bulkhead/plugin.hpp>

int k = 3;
BULKHEAD_PLUGIN("p", "1", bulkhead::task("g", [c = k](int x) { return x + c; }))
