// expect: bulkhead::on_load takes void f() or void f(PluginContext&)
#include <bulkhead/plugin.hpp>

int f(int a) { return a; }
BULKHEAD_PLUGIN("p", "1", f, bulkhead::on_load(&f))
