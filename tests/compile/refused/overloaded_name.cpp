// expect: for_an_overloaded_or_template_function_write_bulkhead_task
#include <bulkhead/plugin.hpp>

int f(int x) { return x; }
int f(double x) { return static_cast<int>(x); }
BULKHEAD_PLUGIN("p", "1", f)
