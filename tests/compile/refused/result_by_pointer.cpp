// expect: a pointer cannot cross a process boundary
#include <bulkhead/plugin.hpp>

const int* f(int) { return nullptr; }
BULKHEAD_PLUGIN("p", "1", f)
