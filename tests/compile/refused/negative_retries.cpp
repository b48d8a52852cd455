// expect: .retries() must not be negative
#include <bulkhead/plugin.hpp>

int f(int x) { return x; }
BULKHEAD_PLUGIN("p", "1", bulkhead::task("f", &f).retries(-1))
