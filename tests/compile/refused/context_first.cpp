// expect: TaskContext& must be the last parameter of a task
#include <bulkhead/plugin.hpp>

int f(bulkhead::TaskContext&, int x) { return x; }
BULKHEAD_PLUGIN("p", "1", f)
