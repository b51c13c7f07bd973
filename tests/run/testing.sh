# SPDX-License-Identifier: Apache-2.0
#
# What tests of `dmdax run` share; sourced.
#
#   . "$(dirname "$0")/testing.sh"
#   install_here NAME DMDAX LIBRARY WORLD   # sets dir and dmdax
#   expect "true says nothing" "" true      # sets failed
#   ((failed == 0))
# shellcheck shell=bash

failed=0

# The command with its library, as they lie beside each other in a build, and a
# world, in a directory of their own that is removed at the end; below it,
# "here" is an empty one.
install_here() {
  dir=$(mktemp -d "/tmp/$1-XXXXXX")
  trap 'rm -rf "$dir"' EXIT
  mkdir -p "$dir/bin/tools" "$dir/bin/run/preload" "$dir/here"
  dmdax=$dir/bin/tools/dmdax
  cp -L "$2" "$dmdax"
  cp -L "$3" "$dir/bin/run/preload/"
  cp -L "$4" "$dir/world.textproto"
}

# wrong WHAT...: it is; goes on.
wrong() {
  echo "$*"
  failed=1
}

# expect NAME WANTED COMMAND...: what it prints, and its status if not 0.
expect() {
  local name=$1 wanted=$2 got status=0
  shift 2
  got=$("$@" 2>&1) || status=$?
  ((status == 0)) || got+="${got:+ }? $status"
  if [[ $got != "$wanted" ]]; then
    printf '%s:\n  wanted: %s\n  got:    %s\n' "$name" "$wanted" "$got"
    failed=1
  fi
}
