#!/usr/bin/env bash
# What completion offers, asked as the shells ask it. zsh's part is left out, with a notice, where there is no zsh.
#   completion_test.sh BULKHEAD PLUGINS
set -uo pipefail
bulkhead=$1 plugins=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset BULKHEAD_MANIFEST
export BULKHEAD_PLUGIN_PATH=$plugins HOME=$work
"$bulkhead" completion bash >bulkhead.bash || exit 1
"$bulkhead" completion zsh >_bulkhead || exit 1
printf '[[plugin]]\npath = "%s/text.so"\n' "$plugins" >bulkhead.toml

failed=0
# In a file, as the installation has it: the last word is what is being typed.
cat >in_bash <<'EOF'
source ./bulkhead.bash
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_bulkhead
printf '%s\n' "${COMPREPLY[@]}"
EOF
# zsh would filter what does not begin with the word; _files stands for file names.
cat >in_zsh <<'EOF'
words=("$@")
CURRENT=$#words
compadd() { [[ $1 == -- ]] && shift; print -rl -- ${(M)@:#$words[CURRENT]*} }
_files() { }
load() { eval "$(<./_bulkhead)" }
load $words
EOF
# offers EXPECTED WORD...: exactly these words, in any order.
offers() {
  local expected
  expected=$(tr ' ' '\n' <<<"$1" | sort)
  shift
  local shell offered
  for shell in "bash --norc" "zsh -f"; do
    command -v "${shell%% *}" >/dev/null || continue
    # shellcheck disable=SC2086 # two words
    offered=$($shell "in_${shell%% *}" "$bulkhead" "$@" 2>errors | sed '/^$/d' | sort)
    if [ "$offered" != "$expected" ] || [ -s errors ]; then
      echo "$shell, $*: offers"
      echo "$offered"
      echo "and should offer"
      echo "$expected"
      cat errors
      failed=1
    fi
  done
}

offers "call" cal
offers "clean" cl
offers "chaos clean completion config call" c
offers "check explain reference" config ""
offers "new inspect check" plugin ""
offers "bash zsh" completion ""
offers "--manifest" --mani
offers "--soft-timeout --summary" map --s
offers "--retries --resume" map -p "$plugins/math.so" --lines --re
# An option's value is no command, a flag has none.
offers "math.add" -p "$plugins/math.so" call math.a
offers "math.sub math.sum math.sqrt math.square" call --plugin "$plugins/math.so" --raw --retries 3 math.s
offers "text.top_words" map text.to
offers "digest.sha256 digest.sha256_bytes" map -p "$plugins/digest.so" --lines --files /tmp digest.sha2
rm bulkhead.toml
offers "digest.crc32" call digest.c
# All after the task is the task's; a plugin that cannot be read offers nothing, and nobody hears of it.
offers "" call math.add --
offers "" call -p missing.so math
command -v zsh >/dev/null || echo "notice: zsh is not installed, its completion was not tried"
exit $failed
