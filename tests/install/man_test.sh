#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# man_test.sh REFERENCE.tar DMDAX: every verb, target and field has its place in
# a man page, and the pages are roff that man reads without a warning.
set -euo pipefail

dmdax=$(realpath "$2")
pages=$TEST_TMPDIR/share/man
mkdir -p "$TEST_TMPDIR/share"
tar -xf "$1" -C "$TEST_TMPDIR/share"
failed=0
fail() {
  failed=$((failed + 1))
  echo "$*"
}
has() {
  grep -qF -- "${2//-/\\-}" "$pages/$1" || fail "$1: no '$2'"
}

verbs=$("$dmdax" --help | sed -n '/verbs.*:$\|^Subcommands:$/,$p' |
  grep -oE '^  [a-z][a-z_-]*')
for verb in $verbs; do
  has man1/dmdax.1 "$verb"
  [[ -s $pages/man1/dmdax-$verb.1 ]] || fail "no page of $verb"
done
has man1/dmdax-fault.1 --map-offset
has man1/dmdax-machine.1 --replace
has man5/dmdax-table.5 'striped <#stripes> <chunk> [<dev> <start>]{#stripes}'
has man5/dmdax-table.5 '0 2048 linear /dev/pmem0 16'
has man5/dmdax-world.5 'repeated MappedDevice mapped_device = 5;'
(($(grep -c '^\.SS' "$pages/man5/dmdax-table.5") > 15)) || fail "few targets"

requests='TH|SH|SS|PP|TP|IP|RS|RE|nf|fi'
count=0
for page in "$pages"/man*/*; do
  count=$((count + 1))
  if [[ $(head -c 4 "$page") == .so\  ]]; then
    [[ -e $pages/$(cut -d' ' -f 2 "$page") ]] || fail "$page leads nowhere"
    continue
  fi
  grep -nE "^[.']" "$page" | grep -vE "^[0-9]+:\.(($requests)( |\$)|\\\\\")" &&
    fail "$page: is that a request?"
  if command -v man >/dev/null; then
    warned=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 \
      man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
    [[ -z $warned ]] || fail "$page: $warned"
  fi
done
command -v man >/dev/null || echo "man is not installed: no page was formatted"
echo "$count pages, $failed failed"
((failed == 0 && count > 40))
