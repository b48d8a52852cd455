// expect: BULKHEAD_TYPE
#include <bulkhead/plugin.hpp>

#include <tuple>
#include <variant>
struct Secret {};
int f(const std::tuple<int, std::variant<int, Secret>>& v) { return std::get<0>(v); }
BULKHEAD_PLUGIN("p", "1", f)
