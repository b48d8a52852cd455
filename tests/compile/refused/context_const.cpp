// expect: take the context as TaskContext&
#include <bulkhead/plugin.hpp>

int f(int x, const bulkhead::TaskContext&) { return x; }
BULKHEAD_PLUGIN("p", "1", f)
