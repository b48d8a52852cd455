// expect: the elements of a SharedArray are numbers
#include <bulkhead/plugin.hpp>
#include <bulkhead/shared_array.hpp>

std::size_t f(bulkhead::SharedArray<const std::string> texts) { return texts.size(); }
BULKHEAD_PLUGIN("p", "1", f)
