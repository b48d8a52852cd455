#!/usr/bin/env bash
# check_table.sh README PROGRAM...: every test that the README's table names (`Suite.Test`) is in one of the programs.
set -euo pipefail

readme=$1
shift

existing=$("$(dirname -- "${BASH_SOURCE[0]}")/../list_tests.sh" "$@")
named=$(sed -n '/^## multiprocessing/,$p' "$readme" | grep -oE '`[A-Z][A-Za-z]*Test\.[A-Z][A-Za-z]*`' | tr -d '`' | sort -u)

[[ -n $named ]] || { echo "no table found in $readme" >&2; exit 1; }
missing=$(comm -23 <(echo "$named") <(echo "$existing"))
if [[ -n $missing ]]; then
  echo "named in $readme, and no test:" >&2
  echo "$missing" >&2
  exit 1
fi
echo "$(wc -l <<<"$named") tests named, all there"
