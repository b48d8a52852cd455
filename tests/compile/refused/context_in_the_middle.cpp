// expect: TaskContext& must be the last parameter
#include <bulkhead/plugin.hpp>

int f(int x, bulkhead::TaskContext&, int y) { return x + y; }
BULKHEAD_PLUGIN("p", "1", f)
