// expect: wide characters have no portable form; use std::string with UTF-8
#include <bulkhead/plugin.hpp>

int f(std::vector<wchar_t> w) { return static_cast<int>(w.size()); }
BULKHEAD_PLUGIN("p", "1", f)
