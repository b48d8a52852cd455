// expect: write bulkhead::task("name", &function) for templates, lambdas and operators
#include <bulkhead/plugin.hpp>

BULKHEAD_PLUGIN("p", "1", [](int x) { return x; })
