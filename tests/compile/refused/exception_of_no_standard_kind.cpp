// expect: BULKHEAD_EXCEPTION needs a type derived from std::exception
#include <bulkhead/plugin.hpp>

struct E {};
BULKHEAD_EXCEPTION(E)
