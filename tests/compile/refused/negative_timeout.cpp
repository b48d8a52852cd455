// expect: a_timeout_must_be_positive
#include <bulkhead/plugin.hpp>

int f(int a) { return a; }
BULKHEAD_PLUGIN("p", "1", bulkhead::task("f", &f).timeout(-5s))
