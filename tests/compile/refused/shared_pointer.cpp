// expect: a smart pointer cannot cross a process boundary; take the value or std::optional<T>
#include <bulkhead/plugin.hpp>

#include <memory>
int f(std::shared_ptr<int> p) { return *p; }
BULKHEAD_PLUGIN("p", "1", f)
