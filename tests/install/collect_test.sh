#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# collect_test.sh COLLECT.sh DMDAX: what tools/collect.sh writes of a machine
# whose tools fail halfway, and whose users give their files odd names.
set -euo pipefail

collect=$(realpath "$1") dmdax=$(realpath "$2")
mkdir "$TEST_TMPDIR/fake" "$TEST_TMPDIR/files" "$TEST_TMPDIR/tmp"
cd "$TEST_TMPDIR"
fail() {
  echo "$*"
  exit 1
}

# fake NAME: a tool, by the script on standard input.
fake() {
  { echo '#!/bin/sh' && cat; } >"fake/$1"
  chmod +x "fake/$1"
}
# -O is too much for it, and says so after a part of the answer.
fake lsblk <<'EOF'
case $* in
  *-O*) echo '{"blockdevices": [ {"name":"pmem0"'
        printf 'lsblk: \033[31mbroken\n' >&2
        exit 1 ;;
esac
echo '{"blockdevices": [{"name": "pmem0", "maj:min": "259:0",
  "size": 1073741824, "type": "disk", "dax": true}]}'
EOF
fake ndctl <<'EOF'
echo '[{"dev":'
exit 1
EOF
# A table of what could be read is worth having.
fake dmsetup <<'EOF'
case $1 in
  table) echo 'home: 0 2048 linear 259:0 0'; exit 1 ;;
esac
EOF
fake filefrag <<'EOF'
case $2 in
  *cut) echo 'Filesystem type is: ef53'; exit 1 ;;
esac
echo 'Filesystem type is: ef53'
echo "File size of $2 is 4096 (1 block of 4096 bytes)"
echo ' ext:     logical_offset:        physical_offset: length:   expected: flags:'
echo '   0:        0..       0:      34816..     34816:      1:             last,eof'
echo "$2: 1 extent found"
EOF
for tool in vgs pvs daxctl losetup; do fake "$tool" </dev/null; done

touch files/plain files/cut $'files/x\nFile size of \e[31mb is 4096'
# TMPDIR may be relative, and what is below it goes.
TMPDIR=tmp PATH=$TEST_TMPDIR/fake:$PATH sh "$collect" files/* \
  >machine.tar 2>errors
[[ -z $(ls tmp) ]] || fail "below TMPDIR there is still $(ls tmp)"
! grep -q '[[:cntrl:]]' errors || fail "control characters: $(cat -v errors)"
for what in 'lsblk -J -b -O failed: lsblk: ?.31mbroken' 'ndctl .* failed' \
  'dmsetup table failed' 'filefrag -v .*/cut failed' \
  'x?File size of .* is left out'; do
  grep -q "$what" errors || fail "'$what' is not said, but: $(cat errors)"
done

tar -xf machine.tar
cd dmdax-collect
[[ ! -e ndctl.json ]] || fail "half a JSON text is kept"
grep -q 1073741824 lsblk.json || fail "lsblk was not asked for less"
grep -q '^home: ' dmsetup-table || fail "the table is lost"
[[ $(grep -c '^File size of ' filefrag.txt) == 1 ]] ||
  fail "not one file in filefrag.txt: $(cat filefrag.txt)"
cd ..
"$dmdax" import machine.tar >world 2>notes || fail "import: $(cat notes)"
grep -q '"home"' world || fail "the World has no device: $(cat world)"
echo "it is all there"
