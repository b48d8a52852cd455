// expect: the plugin's name needs letters, digits and _
#include <bulkhead/plugin.hpp>

int f(int x) { return x; }
BULKHEAD_PLUGIN("my plugin", "1", f)
