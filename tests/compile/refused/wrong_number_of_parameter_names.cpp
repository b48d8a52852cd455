// expect: .params() needs one name for each parameter
#include <bulkhead/plugin.hpp>

int f(int a, int b) { return a + b; }
BULKHEAD_PLUGIN("p", "1", bulkhead::task("f", &f).params("a"))
