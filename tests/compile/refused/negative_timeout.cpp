// expect: a timeout must be positive: .timeout(5s)
#include <bulkhead/plugin.hpp>

int f(int a) { return a; }
BULKHEAD_PLUGIN("p", "1", bulkhead::task("f", &f).timeout(-5s))
