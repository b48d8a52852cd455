// expect: long double differs between machines; use double
#include <bulkhead/plugin.hpp>

long double f(long double x) { return x; }
BULKHEAD_PLUGIN("p", "1", f)
