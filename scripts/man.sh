#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Makes a manual page (mdoc) out of scripts/man/PAGE.in: text as it stands there, and in the place of a line like @VERDICTS@
# what the sources themselves say, so that nothing is said twice.
#
# usage: scripts/man.sh BUILD PAGE.in      prints the page; needs BUILD/culvert and BUILD/culvertd
#        scripts/man.sh --verdicts         prints README's table of the balancer's verdicts
#        scripts/man.sh --commands BUILD   prints the names of culvert's commands
# shellcheck disable=SC2016 # backquotes are Markdown's
set -euo pipefail
cd "$(dirname "$0")/.."

# verdicts HEADER LIST ARGUMENTS: a line for each entry of the list, its parts with | between them.
verdicts() {
  printf '#include "%s"\n#define X(symbol, %s) @ %s\n%s(X)\n' "$1" "$3" "${3//,/ !}" "$2" |
    ${CC:-cc} -E -P -Iinclude -x c - | tr '\n' ' ' | tr '@' '\n' |
    sed -n -e 's/" *"//g' -e 's/^ *\([A-Z]*\) *! *"\(.*\)" *$/\1|\2/' -e 's/" *! *"/|/g' -e '/^[A-Z]*|/p'
}

balancer_verdicts() {
  verdicts cv_verdict.h CV_VERDICTS 'class, name, meaning, remedy'
}

readme_verdicts() {
  echo '| verdict | class | meaning | what to do |'
  echo '|---|---|---|---|'
  balancer_verdicts | awk -F '|' '{
    printf "| `%s` | %s | %s | %s |\n", $2, tolower($1), $3, $4 == "none needed" ? "" : $4
  }'
}

# mdoc: plain text becomes lines that no macro, escape or long line is in; `code` becomes bold.
mdoc() {
  sed -e 's/\\|/|/g' -e 's/\\/\\e/g' -e 's/`\([^`]*\)`/\\fB\1\\fP/g' -e 's/…/\\[u2026]/g' -e 's/→/\\(->/g' \
    -e 's/\([.?]\) \([A-Z]\)/\1\n\2/g' | fold -s -w 78 | sed -e 's/ *$//' -e "s/^[.']/\\\\\&&/"
}

# item TERM: the head of an entry of a list.
item() {
  printf '.It Li "%s"\n' "$(sed -e 's/\\|/|/g' -e 's/\\/\\e/g' -e 's/`//g' -e 's/"/\\(dq/g' -e 's/…/\\[u2026]/g' <<<"$1")"
}

# What the program itself says to --help, as a page says it: its usage, text, options as a list, examples.
help() {
  local line in_list='' in_usage='' in_example=''
  local option='^  ([^ ].*[^ ]|[^ ])   *([^ ].*)$' more='^          +([^ ].*)$'
  while IFS= read -r line; do
    if [[ $line == usage:* || (-n $in_usage && -n $line) ]]; then
      in_usage=yes
      line=${line#usage:}
      printf '.Dl %s\n' "$(sed -e 's/^ *//' -e 's/…/\\[u2026]/g' <<<"$line")"
    elif [[ -z $line ]]; then
      in_usage='' in_example=''
      [[ -z $in_list ]] || echo .El
      in_list=''
      echo .Pp
    elif [[ $line == [Ee]xample*:* ]]; then
      in_example=yes
      [[ -z $in_list ]] || echo .El
      in_list=''
      echo "Example:"
      line=${line#*:}
      [[ -z $line ]] || printf '.Dl %s\n' "${line# }"
    elif [[ -n $in_example ]]; then
      printf '.Dl %s\n' "${line#"${line%%[! ]*}"}"
    elif [[ -n $in_list && $line =~ $more ]]; then
      mdoc <<<"${BASH_REMATCH[1]}"
    elif [[ $line =~ $option ]]; then
      [[ -n $in_list ]] || echo '.Bl -tag -width Ds -compact'
      in_list=yes
      item "${BASH_REMATCH[1]}"
      mdoc <<<"${BASH_REMATCH[2]}"
    else
      [[ -z $in_list ]] || echo .El
      in_list=''
      mdoc <<<"$line"
    fi
  done
  [[ -z $in_list ]] || echo .El
}

# No paragraph where a list or a section begins or ends anyway.
tidy() {
  awk '
    $0 == ".Pp" { held = 1; next }
    held { if (($0 ~ /-compact$/ || $0 !~ /^\.(Bl|El|Ss|Sh|Dl|Bd)/) && last !~ /^\.(Ss|Sh)/) print ".Pp"; held = 0 }
    { print; last = $0 }'
}

commands() {
  "$1/culvert" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'
}

command_sections() {
  local command
  for command in $(commands "$1"); do
    echo ".Ss culvert $command"
    "$1/culvert" "$command" --help | help
  done
}

# list_verdicts: the lines of `verdicts`, as a list.
list_verdicts() {
  local class name meaning remedy
  echo '.Bl -tag -width Ds'
  while IFS='|' read -r class name meaning remedy; do
    item "$name"
    mdoc <<<"${class,,}: $meaning."
    [[ -z $remedy || $remedy == 'none needed' ]] || mdoc <<<"What to do: $remedy."
  done
  echo .El
}

# readme_list HEAD: the rows of README's table with this head, as a list: the first cell, then the others.
readme_list() {
  local cells cell i
  echo '.Bl -tag -width Ds'
  awk -v head="$1" 'index($0, head) == 1 { on = 1; next } on && !/^\|/ { exit } on && !/^\|---/' README.md |
    sed -e 's/\\|/\x01/g' -e 's/^| *//' -e 's/ *|$//' -e 's/ *| */|/g' |
    while IFS= read -r line; do
      IFS='|' read -ra cells <<<"$line"
      item "${cells[0]//$'\x01'/|}"
      for ((i = 1; i < ${#cells[@]}; i++)); do
        cell=${cells[i]//$'\x01'/|}
        ((i > 1)) || cell=${cell:+$2 $cell}
        [[ -z $cell ]] || mdoc <<<"${cell^}."
      done
    done
  echo .El
}

example() {
  echo '.Bd -literal'
  sed -e 's/\\/\\e/g' -e "s/^[.']/\\\\\&&/" "$1"
  echo .Ed
}

page() {
  local build=$1 line
  while IFS= read -r line; do
    case $line in
      @COMMANDS@) command_sections "$build" ;;
      @DAEMON@) "$build/culvertd" --help | help ;;
      @VERDICTS@) balancer_verdicts | list_verdicts ;;
      @DECAP_VERDICTS@) verdicts cv_decap.h CV_DECAP_VERDICTS 'class, name, meaning' | list_verdicts ;;
      @KEYS@) readme_list '| key | default | meaning |' 'Default:' ;;
      @METRICS@) readme_list '| metric | labels |' 'Labels:' ;;
      @EXAMPLE@) example scripts/culvert.yaml ;;
      @*@)
        echo "man.sh: $2: what is $line?" >&2
        exit 1
        ;;
      *) printf '%s\n' "$line" ;;
    esac
  done <"$2" | tidy
}

case ${1:-} in
  --verdicts) readme_verdicts ;;
  --commands) commands "$2" ;;
  *) page "${1:?usage: man.sh BUILD PAGE.in}" "${2:?usage: man.sh BUILD PAGE.in}" ;;
esac
