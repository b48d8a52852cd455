// expect: a smart pointer cannot cross a process boundary; take the value or std::optional<T>
#include <bulkhead/plugin.hpp>

#include <memory>
#include <vector>
int f(const std::vector<std::shared_ptr<int>>& p) { return static_cast<int>(p.size()); }
BULKHEAD_PLUGIN("p", "1", f)
