// expect: a value in .example() does not fit the type of its parameter
#include <bulkhead/plugin.hpp>

#include <cstdint>
std::uint8_t next(std::uint8_t x) { return static_cast<std::uint8_t>(x + 1); }
BULKHEAD_PLUGIN("p", "1", bulkhead::task("next", &next).example(255, 256))
