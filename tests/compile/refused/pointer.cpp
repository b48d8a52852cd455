// expect: a pointer cannot cross a process boundary; take the value, std::optional<T>
#include <bulkhead/plugin.hpp>

int f(int* p) { return *p; }
BULKHEAD_PLUGIN("p", "1", f)
