#!/usr/bin/env bash
# bulkhead(1) as the build makes it: every command and option is in it, and man has nothing to say against it.
#   man_test.sh MAKE_MAN BULKHEAD
set -uo pipefail
make_man=$1 bulkhead=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$make_man" "$bulkhead" >"$work/bulkhead.1" || exit 1

failed=0
for wanted in '.SH "BULKHEAD MAP"' '.SH "BULKHEAD PLUGIN CHECK"' '.SH "BULKHEAD CONFIG EXPLAIN"' \
  '.B \-j,\-\-processes N:INT in [1 \- 4096]' 'seq 1000 | bulkhead map math.square'; do
  grep -qF -- "$wanted" "$work/bulkhead.1" || { echo "not in bulkhead.1: $wanted"; failed=1; }
done
if ! command -v man >/dev/null; then
  echo "notice: man is not installed, what it says of the pages was not looked at"
  exit $failed
fi
for page in "$work/bulkhead.1" "$(dirname "$make_man")/bulkhead-worker.1"; do
  # As Debian's lintian asks it.
  LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" >"$work/shown" 2>"$work/warnings"
  [ -s "$work/shown" ] || { echo "man shows nothing of $page"; failed=1; }
  # Lines of examples that are longer than the page are no mistake.
  if grep -v "can't break line\|cannot \(adjust\|break\) line" "$work/warnings"; then failed=1; fi
done
exit $failed
