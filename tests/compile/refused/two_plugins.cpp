// expect: only_one_BULKHEAD_PLUGIN_per_shared_object
#include <bulkhead/plugin.hpp>

int f(int x) { return x; }
BULKHEAD_PLUGIN("p", "1", f)
BULKHEAD_PLUGIN("q", "1", f)
