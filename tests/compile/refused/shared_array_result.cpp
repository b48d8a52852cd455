// expect: a task cannot return a SharedArray; take a SharedArray<T> that the caller made
#include <bulkhead/plugin.hpp>
#include <bulkhead/shared_array.hpp>

#include <vector>

std::vector<bulkhead::SharedArray<double>> f() { return {}; }
BULKHEAD_PLUGIN("p", "1", f)
