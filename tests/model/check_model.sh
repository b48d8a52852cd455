#!/bin/sh
# Checks a Spin model: it must pass as it is, with every line reached, and fail with each of the given -D mutations.
#   check_model.sh MODEL.pml MUTATION...
# Exit status 77: Spin is not installed.
set -eu

command -v spin >/dev/null || { echo "spin is not installed: skipped"; exit 77; }
compiler=${CC:-cc}
model=$(realpath "$1")
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

# Explores every state, or those up to the first error; prints the number of errors found. Not exploring all of them is
# an error of this script.
#   errors_of "COMPILER OPTIONS" [-DMUTATION]
errors_of() {
  options=$1
  shift
  spin -a "$@" "$model" >spin.log || { cat spin.log >&2; exit 1; }
  "$compiler" -w $options -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -o pan pan.c
  ./pan -m200000 >pan.log 2>&1 || true
  if grep -q "max search depth too small\|out of memory" pan.log; then cat pan.log >&2; exit 1; fi
  sed -n 's/.*errors: \([0-9][0-9]*\).*/\1/p' pan.log
}

failed=0
errors=$(errors_of -O1)
states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log)
if [ "$errors" = 0 ]; then
  echo "the protocol: no error in $states states"
else
  echo "the protocol FAILS:"
  cat pan.log
  spin -t -p -g "$model" | tail -60
  failed=1
fi
# A step that cannot be taken proves nothing. (The end of a process that never ends is none.)
if grep '\.pml:' pan.log | grep -v '"-end-"'; then
  echo "these lines are never reached: the model does not say what it seems to say"
  failed=1
fi
for mutation in "$@"; do
  # An error is found early, mostly earlier when the processes take their turns the other way round: then compiling well
  # costs more than it saves.
  errors=$(errors_of "-O0 -DREVERSE" "-D$mutation")
  if [ -n "$errors" ] && [ "$errors" != 0 ]; then
    echo "with $mutation: an error is found, as it must be"
  else
    echo "with $mutation: NO error is found: the model does not see this rule"
    failed=1
  fi
done
exit $failed
