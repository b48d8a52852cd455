// expect: BULKHEAD_PLUGIN needs at least one task
#include <bulkhead/plugin.hpp>

BULKHEAD_PLUGIN("p", "1")
