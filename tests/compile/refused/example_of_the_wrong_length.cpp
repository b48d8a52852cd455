// expect: .example() takes a value for each parameter (not counting TaskContext&), then the result
#include <bulkhead/plugin.hpp>

int add(int a, int b) { return a + b; }
BULKHEAD_PLUGIN("p", "1", bulkhead::task("add", &add).example(2, 3))
