// expect: a task cannot take T&, its arguments are copies
#include <bulkhead/plugin.hpp>

#include <string>
void f(std::string& s) { s = "x"; }
BULKHEAD_PLUGIN("p", "1", f)
