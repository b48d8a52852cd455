// expect: a name in .params() needs letters, digits and _
#include <bulkhead/plugin.hpp>

int f(int x) { return x; }
BULKHEAD_PLUGIN("p", "1", bulkhead::task("f", &f).params("the number"))
