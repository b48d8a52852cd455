// expect: BULKHEAD_PLUGIN takes functions, bulkhead::task(...) and bulkhead::on_load(...)
#include <bulkhead/plugin.hpp>

int f = 3;
BULKHEAD_PLUGIN("p", "1", f)
