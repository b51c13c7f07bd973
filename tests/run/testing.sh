# SPDX-License-Identifier: Apache-2.0
#
# What tests of `dmdax run` share; sourced.
#
#   . "$(dirname "$0")/testing.sh"
#   install_here NAME DMDAX LIBRARY WORLD   # sets dir and dmdax
#   become_nobody                           # sets clean; in an empty directory
#   find_doors "${clean[@]}" "$dmdax"       # sets doors
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

# In "here", in front of what nobody is to run, with an environment of its own.
# In a sandbox's user namespace there may be no other user to become.
become_nobody() {
  chmod -R a+rX "$dir"
  chmod 1777 "$dir/here"
  cd "$dir/here"
  local as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
  "${as_nobody[@]}" true 2>/dev/null || as_nobody=()
  # shellcheck disable=SC2034
  clean=("${as_nobody[@]}" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin
    HOME="$dir/here" LC_ALL=C TMPDIR="$dir/here")
}

# The doors that a command has: seccomp's user notification may not be allowed,
# or there around the test already.
find_doors() {
  local words
  doors=(preload)
  words=$("$@" run --door=notify -- true 2>&1) || true
  [[ $words == *"--door=preload serves programs"* ]] || doors+=(notify)
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
