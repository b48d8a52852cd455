// expect: write any other value as JSON: bulkhead::json
#include <bulkhead/plugin.hpp>

#include <map>
std::map<int, int> f(int x) { return {{x, x}}; }
BULKHEAD_PLUGIN("p", "1", bulkhead::task("f", &f).example(2, "two"))
