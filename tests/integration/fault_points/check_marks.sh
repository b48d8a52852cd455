#!/usr/bin/env bash
# check_marks.sh present|absent FILE...: whether programs and libraries hold the names of fault points. None holds what makes
# allocations fail: that is in the test's own program.
set -euo pipefail

wanted=$1
shift
status=0
for file in "$@"; do
  [[ -r $file ]] || { echo "no $file" >&2; exit 1; }
  count=$(grep -c -a -F 'bulkhead fault point: ' "$file" || true)
  if [[ $wanted == absent && $count -ne 0 || $wanted == present && $count -eq 0 ]]; then
    echo "fault points are not $wanted in $file" >&2
    status=1
  fi
  if grep -q -a -F BULKHEAD_FAULT_ALLOCATIONS "$file"; then
    echo "allocations can be made to fail in $file" >&2
    status=1
  fi
done
exit "$status"
