# bash completion for bulkhead: commands and options from --help, tasks from the catalogue of the plugins named so far.

_bulkhead_words() { # KIND COMMAND...: what the help of that command lists
  local kind=$1
  shift
  "${COMP_WORDS[0]}" "$@" --help 2>/dev/null | case $kind in
    commands) sed -n '/^Subcommands:/,/^$/ s/^  \([a-z][a-z-]*\) .*/\1/p' ;;
    options) sed -n '/^Options:/,/^$/ { /^  -/p }' | grep -oE -- '^  [^ ]+' | tr -d ' ' | tr ',' '\n' ;;
    valued) sed -n '/^Options:/,/^$/ { /^  -/p }' | grep -oE -- '^  [^ ]+ ([A-Z]+([^a-zA-Z]|$)|[a-z]+\|)' | cut -c3- | sed 's/ .*//' | tr ',' '\n' ;;
  esac
}

_bulkhead() {
  local current=${COMP_WORDS[COMP_CWORD]} word option= i
  local -a command=() plugins=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word=${COMP_WORDS[i]}
    if [[ -n $option ]]; then
      case $option in -m | --manifest | -p | --plugin) plugins+=("$option" "$word") ;; esac
      option=
    elif [[ $word == -* ]]; then
      # An option with a value: the next word is no command.
      if _bulkhead_words valued "${command[@]}" | grep -qxe "$word"; then option=$word; fi
    else
      command+=("$word")
      case ${command[0]},${#command[@]} in
        call,2 | map,2 | chaos,2) return ;; # all after the task is the task's; file names are as good as anything
      esac
    fi
  done
  if [[ -n $option ]]; then
    return
  elif [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_bulkhead_words options "${command[@]}")" -- "$current")
    return
  fi
  case ${command[0]},${#command[@]} in
    ,0 | plugin,1 | config,1)
      mapfile -t COMPREPLY < <(compgen -W "$(_bulkhead_words commands "${command[@]}")" -- "$current")
      ;;
    call,1 | map,1 | chaos,1)
      mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" tasks --names "${plugins[@]}" 2>/dev/null)" -- "$current")
      ;;
    completion,1)
      mapfile -t COMPREPLY < <(compgen -W "bash zsh" -- "$current")
      ;;
  esac
}

complete -o default -F _bulkhead bulkhead
