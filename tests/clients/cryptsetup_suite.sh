#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# cryptsetup's own tests, unmodified, on machines of `dmdax run`, as nobody, with
# Debian's cryptsetup.
#
#   cryptsetup_suite.sh [--dmdax=FILE] [--door=DOOR] [--dir=DIR]
#                       [--limit=SECONDS] [PATTERN]
#
# Gets cryptsetup's source package, once, and builds what its tests need of their
# own; then runs each of those whose name has PATTERN in it (an extended regular
# expression) on a machine of its own, and prints a line for each, and the sums:
#
#   passed  luks1-compat-test  12 s  30 ok
#   skipped align-test  1 s  0 ok  This kernel seems to not support ...
#   failed  mode-test   9 s  31 ok  twofish-ecb ... Operation not supported
#
# "ok" is how often the test says so.  The whole output of each is
# DIR/results/NAME.txt.  Exits 1 if one failed.
set -euo pipefail

here=$(realpath "$(dirname "$0")/../..")
# shellcheck source=tests/clients/suite.sh
source "$here/tests/clients/suite.sh"
dir=/var/tmp/dmdax-cryptsetup limit=300 pattern=.
suite_options "$@"
for word in ${rest[@]+"${rest[@]}"}; do
  case $word in
    -*) echo "cryptsetup_suite.sh: there is no option '$word'" >&2; exit 2 ;;
    *) pattern=$word ;;
  esac
done

mkdir -p "$dir/results" "$dir/tools"
"$here/tests/clients/source_package.sh" cryptsetup "$dir"
[[ -e $dir/src/tests/differ ]] ||
  gcc -O1 -o "$dir/src/tests/differ" "$dir/src/tests/differ.c"
chmod -R a+rX "$dir/src"
chmod a+rx "$dir"

suite_dmdax
# The machine's modules are all loaded; there are no SCSI disks.
cat >"$dir/tools/modprobe" <<'STUB'
#!/bin/sh
case " $* " in *" scsi_debug "*) exit 1 ;; esac
STUB
chmod 755 "$dir/tools/modprobe"

run_one() {
  local name=$1 out=$dir/results/$1.txt status=0 what start work
  start=$(date +%s)
  # A name that none of the tests looks for in a path.
  work=$(mktemp -d "$dir/w.XXXXXX")
  cp -r "$dir/src/tests/." "$work"
  chmod -R a+rwX "$work"
  (cd "$work" && "${as_nobody[@]}" env -i HOME="$work" TMPDIR="$work" LC_ALL=C \
    PATH="$dir/tools:/usr/sbin:/usr/bin:/sbin:/bin" CRYPTSETUP_PATH=/usr/sbin srcdir=. \
    timeout -k 5 "$limit" "$dir/bin/tools/dmdax" --kernel v6_1 run --root \
    --door="$door" -- bash "./$name") </dev/null >"$out" 2>&1 || status=$?
  case $status in
    0) what=passed ;;
    77) what=skipped ;;
    *) what=failed ;;
  esac
  local ok why=
  ok=$(grep -aoE '\[OK\]|PASSED' "$out" | wc -l) || true
  if [[ $what == skipped ]]; then
    why=$(grep -a 'skipped' "$out" | tail -n 1) || true
  elif ((status == 124 || status == 137)); then
    why="no end after $limit s"
  elif [[ $what == failed ]]; then
    why=$(sed '/^FAILED backtrace/q' "$out" | grep -av '^FAILED backtrace' |
      tail -n 2 | paste -sd '~' | sed 's/~/: /g' | cut -c 1-200) || true
  fi
  printf '%-7s %s  %d s  %d ok  %s\n' "$what" "$name" \
    $(($(date +%s) - start)) "$ok" "$why" | sed "s| *$||; s|$work/||g" |
    tee -a "$dir/results/all"
  rm -rf "$work"
}

: >"$dir/results/all"
mapfile -t tests < <(cd "$dir/src/tests" && ls -- *-test *-test2 |
  grep -E "$pattern")
for name in "${tests[@]}"; do run_one "$name"; done
awk '{ n[$1]++ } END { printf "%d tests: %d passed, %d skipped, %d failed\n",
  NR, n["passed"], n["skipped"], n["failed"]; exit n["failed"] > 0 }' \
  "$dir/results/all"
