// expect: its operator() must be neither a template (no auto parameters) nor overloaded
#include <bulkhead/plugin.hpp>

BULKHEAD_PLUGIN("p", "1", bulkhead::task("g", [](auto x) { return x; }))
