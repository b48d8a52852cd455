// expect: two tasks of this plugin have the same name; write bulkhead::task("other_name",
#include <bulkhead/plugin.hpp>

namespace a {
int f(int x) { return x; }
}  // namespace a
namespace b {
int f(int x) { return x; }
}  // namespace b
BULKHEAD_PLUGIN("p", "1", a::f, b::f)
