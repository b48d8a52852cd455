// toml++ without its assertions, which texts can break: "plugins = [}" does. Where assertions are kept they would end the
// program; where they are not (NDEBUG) version 3.3 promises clang that they hold. Without either, the parser goes on to
// refuse the text.
//
// Where there is no memory it throws std::bad_alloc, with two exceptions that end the program: a file's name given to
// toml::parse() (do not), and the text of a parse_error (a manifest that is wrong, read where there is no memory for 100
// bytes).
#pragma once

#ifdef TOML_ASSERT
#error "toml++ was included before this header"
#endif
#define TOML_ASSERT(expression) static_assert(true)

#pragma push_macro("NDEBUG")
#undef NDEBUG
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")
