#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tools/install.sh puts all of it below PREFIX, with DESTDIR in front and
# nowhere inside; the packages take every file of it; one version everywhere.
set -euo pipefail

export BUILT=.
root=$TEST_TMPDIR/root
fail() {
  echo "$*"
  exit 1
}
tools/install.sh PREFIX=/usr DESTDIR="$root" LIBDIR=/usr/lib/some-abi
(cd "$root" && find . -type f | sort) >"$TEST_TMPDIR/files"
(($(wc -l <"$TEST_TMPDIR/files") > 150)) || fail "few files were installed"
grep -rlF "$root" "$root" && fail "these name DESTDIR"
grep -rl '@[A-Z_]*@' "$root/usr/lib/some-abi/"{pkgconfig,cmake} &&
  fail "something was not filled in"
[[ -x $root/usr/bin/dmdax ]] || fail "no command"
find "$root" -name '*.h' -perm /111 | grep . && fail "a header can be run"

version=$("$root/usr/bin/dmdax" --version | sed -n '1s/^dmdax //p')
grep -qx "Version: $version" "$root/usr/lib/some-abi/pkgconfig/dmdax.pc" ||
  fail "the version of dmdax.pc is not $version"
head -n 1 debian/changelog | grep -qF "dmdax ($version)" ||
  fail "the version of debian/changelog is not $version"

# Every header that a header includes is there, so that any can be used.
(cd "$root/usr/include/dmdax" &&
  grep -rhoE '#include "[a-z/_]+\.h"' --include='*.h' . | cut -d'"' -f2 |
  sort -u | grep -E '^[a-z]+/' | grep -vE '^(absl|google)/' |
    while read -r header; do
      [[ -e $header || $header == embed/* ]] || echo "no $header"
    done) | grep . && fail "headers are missing"

# debian/*.install take all of it, and each file goes into one package.
cat debian/*.install | while read -r from _; do
  compgen -G "$root/$from" >/dev/null || fail "debian/*.install: no $from"
done
while read -r file; do
  packages=
  for list in debian/*.install; do
    while read -r from _; do
      # Its words are patterns of a shell.
      # shellcheck disable=SC2053
      [[ ${file#./} == $from || ${file#./} == $from/* ]] || continue
      packages+=" $list"
      break
    done <"$list"
  done
  [[ -n $packages ]] || fail "no package has $file"
  [[ $packages != *" "*" "* ]] || fail "two packages have $file:$packages"
done <"$TEST_TMPDIR/files"

status=0
tools/install.sh PREFIX=relative 2>/dev/null || status=$?
((status == 2)) || fail "a relative PREFIX: exit status $status"
status=0
tools/install.sh --prefix=/usr 2>/dev/null || status=$?
((status == 2)) || fail "an unknown word: exit status $status"
