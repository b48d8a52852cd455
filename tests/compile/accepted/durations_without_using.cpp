#include <bulkhead/plugin.hpp>

int f(int x) { return x; }
BULKHEAD_PLUGIN("p", "1", bulkhead::task("f", &f).timeout(5s).soft_timeout(250ms))
