#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# lvm2's own test suite, unmodified, on machines of `dmdax run`, as nobody.
#
#   lvm2_suite.sh [--dmdax=FILE] [--door=DOOR] [--dir=DIR] [--limit=SECONDS]
#                 [--jobs=N] [--list=FILE] [PATTERN]
#
# Gets lvm2's source package and builds it in DIR, once; then runs each script
# of test/shell whose name has PATTERN in it (an extended regular expression; or
# those that FILE lists) on a machine of its own, and prints a line for each and
# the sums:
#
#   passed  lvcreate-usage  12 s
#   skipped lvcreate-cache  2 s  does not meet requirements for cache
#   failed  pvmove-raid1    5 s  + lvcreate -aey ...: device-mapper: reload ...
#
# What is missing is the last of these that there is: a line of dmdax's own, or
# the last command of the script with what it said; and the time limit.  The
# whole output of each is DIR/results/NAME.txt.  How many failed for which cause
# is printed at the end; one that is in no list is "to be looked at".  Exits 1 if
# one failed.
#
# thin_check and cache_check are switched off, by variables of the suite's own:
# what the model keeps on a metadata device is not for them to read.
set -euo pipefail

here=$(realpath "$(dirname "$0")/../..")
# shellcheck source=tests/clients/suite.sh
source "$here/tests/clients/suite.sh"
dir=/var/tmp/dmdax-lvm2 limit=180 jobs=1 list=
suite_options "$@"
for word in ${rest[@]+"${rest[@]}"}; do
  case $word in
    --jobs=*) jobs=${word#*=} ;;
    --list=*) list=$(realpath "${word#*=}") ;;
    --) ;;
    -*) echo "lvm2_suite.sh: there is no option '$word'" >&2; exit 2 ;;
    *) pattern=$word ;;
  esac
done
pattern=${pattern:-.}

say() { echo "lvm2_suite: $*" >&2; }

build() {
  say "builds lvm2 in $dir/src"
  (cd "$dir/src" && nice ./configure --with-thin=internal --with-cache=internal \
    --with-writecache=internal --with-integrity=internal --disable-selinux \
    --enable-cmdlib && nice make -j2 && nice make -C test) \
    >"$dir/build.log" 2>&1 || {
    tail "$dir/build.log"
    say "needs libaio-dev libblkid-dev libudev-dev libreadline-dev pkgconf"
    exit 1
  }
  chmod -R a+rX "$dir/src"
  touch "$dir/built"
}

mkdir -p "$dir/results" "$dir/tools"
chmod a+rx "$dir"
"$here/tests/clients/source_package.sh" lvm2 "$dir"
[[ -e $dir/built ]] || build

suite_dmdax
cat >"$dir/world.textproto" <<'END'
# What the suite cuts its PVs from, where there are no loop devices.
kernel: "v6_1"
block { name: "ramdisk" dev: "252:0" sectors: 68719476736 }
END
chmod a+r "$dir/world.textproto"

# on_machine COMMAND...
on_machine() {
  "${as_nobody[@]}" env -i HOME="$TMPDIR" LC_ALL=C TMPDIR="$TMPDIR" \
    PATH="$dir/tools:/usr/sbin:/usr/bin:/sbin:/bin" \
    LVM_TEST_FLAVOUR=ndev-vanilla LVM_TEST_DIR="$TMPDIR" LVM_TEST_PARALLEL=1 \
    LVM_TEST_NODEBUG="${LVM_TEST_NODEBUG-1}" LVM_TEST_PREFER_BRD=0 \
    LVM_TEST_THIN_CHECK_CMD= LVM_TEST_CACHE_CHECK_CMD= \
    timeout -k 5 "$limit" "$dir/bin/tools/dmdax" \
    --world "$dir/world.textproto" run --root --door="$door" -- "$@"
}

# Not in $dir: listings.sh takes the "ax-" of its default name for attributes.
tmp=${dir//-/_}_tmp
export TMPDIR=$tmp
mkdir -p "$TMPDIR"
chmod 1777 "$TMPDIR"
rm -f "$dir/tools/losetup"
truncate -s 1M "$TMPDIR/probe"
if ! on_machine sh -c "losetup -f '$TMPDIR/probe'" >/dev/null 2>&1; then
  say "the machine has no loop devices: a disk stands in for them"
  cat >"$dir/tools/losetup" <<'END'
#!/bin/sh
case " $* " in *" -s "*) echo /dev/ramdisk ;; esac
END
  chmod 755 "$dir/tools/losetup"
fi
rm -f "$TMPDIR/probe"

# The line that says what is missing, of the output in FILE.
missing() {
  local file=$1 status=$2 line
  line=$(grep -aE '^dmdax: ' "$file" | grep -av 'machine is gone' |
    tail -n 1) || true
  if [[ -z $line ]]; then
    # The last command before the trace of calls, and what it said.
    line=$(sed -n '/^## - shell/q;p' "$file" | grep -av '^## teardown' |
      grep -anE '^#[^ ]*:[0-9]+\+ ' | grep -avE 'set \+vx|STACKTRACE' |
      tail -n 1 | cut -d: -f1) || true
    line=$(sed -n '/^## - shell/q;p' "$file" |
      sed -n "${line:-1},\$p" | grep -avE 'set \+vx|STACKTRACE|^ *$' |
      head -n 6 | cut -c 1-160 | paste -sd '~' | sed 's/~/: /g') || true
  fi
  ((status != 124 && status != 137)) || line="no end after $limit s: $line"
  echo "${line:-status $status}"
}

# Why a script fails whose line says WHY: what is not ours, what dmdax leaves out,
# and what nobody has looked at.
cause() {
  local why=$1
  case $why in
    "no end after "*) echo "the time limit" ;;
    *"must be superuser to use mount"* | *" mount "*": mount: "* | \
      *"+ mount "* | *"+ umount "*)
      echo "no file system is mounted: there is no kernel below" ;;
    *"not modelled: a raid set"*"(needs md's reshape)"*)
      echo "raid: md's reshape is not modelled" ;;
    *"dmdax: not modelled: "*)
      why=${why##*not modelled: }
      echo "not modelled: ${why%% (needs*}" ;;
    *"Filesystem must be larger than 300MB"*)
      echo "mkfs.xfs of Debian 12 makes none that small" ;;
    *"probing initialization failed: No such file"* | *get_crypt_kname*)
      echo "udev makes no links in /dev: there is none" ;;
    *"hints.sh:113+ test "*)
      echo "strace counts io_submit(2), which the preload library answers" ;;
    *"+ check raid_leg_status "*" status A"*)
      echo "a sync was over before a slow machine's script looked" ;;
    *"+ mdadm "*) echo "md devices (mdadm) are not modelled" ;;
    *"+ aux prepare_pvs "*[0-9][0-9][0-9][0-9][0-9][0-9][0-9]*)
      echo "the host's file system has no room for the script's disks" ;;
    *"-zerodev "*"Invalid argument"*)
      echo "its kernel takes no device of 2^63 bytes and more either" ;;
    *) echo "to be looked at" ;;
  esac
}

run_one() {
  local script=$1 name status=0 start out what=
  name=$(basename "$script" .sh)
  out=$dir/results/$name.txt
  start=$(date +%s)
  TMPDIR=$(mktemp -d "$tmp/XXXXXX")
  chmod 1777 "$TMPDIR"
  (cd "$dir/src/test" && on_machine bash -noprofile -norc "$script") \
    </dev/null >"$out" 2>&1 || status=$?
  case $status in
    0) what=passed ;;
    200) what=skipped ;;
    *) what=failed ;;
  esac
  local took=$(($(date +%s) - start)) why=
  [[ $what != skipped ]] ||
    why=$(grep -a '^TEST SKIPPED' "$out" | tail -n 1 | cut -c 15-) || true
  [[ $what != skipped || -n $why ]] ||
    why=$(sed -n '/^## - shell/q;p' "$out" | grep -aE '^#[^ ]*:[0-9]+\+ ' |
      grep -avE '\+ (set|skip|touch|exit)' | tail -n 1) || true
  [[ $what != failed ]] || why=$(missing "$out" "$status")
  [[ $what != failed ]] || cause "$why" >>"$dir/results/causes"
  printf '%-7s %s  %d s  %s\n' "$what" "$name" "$took" "$why" |
    sed 's/ *$//; s|LVMTEST[0-9]*||g' | tee -a "$dir/results/all"
  rm -rf "$TMPDIR"
}

: >"$dir/results/all"
: >"$dir/results/causes"
mapfile -t scripts < <(cd "$dir/src/test" && ls shell/*.sh |
  if [[ -n $list ]]; then grep -xFf <(sed 's|.*|shell/&.sh|' "$list"); else
    grep -E "$pattern"; fi)
running=0
for script in "${scripts[@]}"; do
  if ((running >= jobs)); then
    wait -n || true
    running=$((running - 1))
  fi
  run_one "$script" &
  running=$((running + 1))
done
wait
sort "$dir/results/causes" | uniq -c | sort -rn
awk '{ n[$1]++ } END { printf "%d scripts: %d passed, %d skipped, %d failed\n",
  NR, n["passed"], n["skipped"], n["failed"]; exit n["failed"] > 0 }' \
  "$dir/results/all"
