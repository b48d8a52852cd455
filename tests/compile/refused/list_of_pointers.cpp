// expect: a pointer cannot cross a process boundary
#include <bulkhead/plugin.hpp>

#include <vector>
std::vector<int*> f() { return {}; }
BULKHEAD_PLUGIN("p", "1", f)
