#!/usr/bin/env bash
# Makes the reference of the public headers: nothing in them is left unexplained, and what they explain is in it.
#   reference_test.sh DOXYGEN DOXYFILE
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

make_reference() { { cat "$1"; echo "OUTPUT_DIRECTORY = $work"; } | "$2" -; }
make_reference "$2" "$1" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

# A comment before a declaration, one behind a member, an example, and a header in C.
shows() { grep -qF "$2" "$work/$1" || { echo "$1 does not have: $2"; exit 1; }; }
shows classbulkhead_1_1Pool.html "Runs one call and waits for its result."
shows structbulkhead_1_1TaskStats.html "in the host, or in a worker's ring and not begun"
shows structbulkhead_1_1PoolOptions.html 'class="fragment"'
shows classbulkhead_1_1TaskContext.html "The caller no longer wants the result."
shows plugin_8h.html "Marks the one symbol that is visible outside."

# And what is unexplained would be found.
printf '// A header.\n#pragma once\nnamespace bulkhead {\n// Told.\nint told();\n\nint untold();\n}\n' >"$work/new.hpp"
sed "s|^INPUT .*|INPUT = $work/new.hpp|" "$2" >"$work/Doxyfile"
if make_reference "$work/Doxyfile" "$1" >"$work/log" 2>&1; then
  echo "a function that nothing explains was not noticed"
  exit 1
fi
grep -q "untold" "$work/log" || { cat "$work/log"; exit 1; }
! grep "told()" "$work/log" | grep -v untold
