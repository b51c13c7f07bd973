#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# dm_protocol on machines of `dmdax run`: each kernel, and both doors.
#
#   protocol_test.sh DMDAX LIBRARY DM_PROTOCOL DM_PROTOCOL_DYNAMIC
#
# Where the kernel does not allow --door=notify, it says so and leaves it out.
set -euo pipefail

dir=$(mktemp -d /tmp/protocol-XXXXXX)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/tools" "$dir/run/preload" "$dir/here"
cp -L "$1" "$dir/tools/dmdax"
cp -L "$2" "$dir/run/preload/"
cp -L "$3" "$dir/static"
cp -L "$4" "$dir/dynamic"
chmod -R a+rX "$dir"
chmod 1777 "$dir/here"
as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
# In a sandbox's user namespace there may be no other user to become.
"${as_nobody[@]}" true 2>/dev/null || as_nobody=()

# on KERNEL DOOR COMMAND...: on a machine of its own.
on() {
  local kernel=$1 door=$2
  shift 2
  timeout 200 "${as_nobody[@]}" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    LC_ALL=C TMPDIR="$dir/here" "$dir/tools/dmdax" --kernel "$kernel" \
    run --root --door="$door" -- "$@"
}

# The first column, up to the first empty line.
mapfile -t kernels < <("$dir/tools/dmdax" kernels |
  awk 'NF == 0 { exit } NR > 1 { print $1 }')
failed=0
fails() {
  echo "$*"
  failed=1
}
((${#kernels[@]} >= 8)) || fails "few kernels: ${kernels[*]}"

runs=()
for kernel in "${kernels[@]}"; do
  runs+=("$kernel.preload")
  on "$kernel" preload "$dir/dynamic" --remove-all \
    >"$dir/$kernel.preload" 2>&1 &
done
words=$(on v6_1 notify true 2>&1) || true
if [[ $words == *"--door=preload serves programs"* ]]; then
  echo "without notify: $words"
else
  runs+=(v6_1.notify)
  on v6_1 notify "$dir/static" --remove-all >"$dir/v6_1.notify" 2>&1 &
fi
wait
for name in "${runs[@]}"; do
  plan=$(tail -n 1 "$dir/$name")
  if [[ ! $plan =~ ^1\.\.([0-9]+)$ ]] || ((BASH_REMATCH[1] < 400)) ||
    grep -q '^not ok' "$dir/$name"; then
    fails "$name:"
    grep -A1 '^not ok' "$dir/$name" || tail -n 3 "$dir/$name"
  fi
done

# It can fail, and says of what.
got=$("$dir/static" --control /dev/null) && fails "/dev/null is device-mapper"
[[ $got == "Bail out! /dev/null: "* ]] || fails "of /dev/null it says: $got"
status=0
"$dir/static" --nothing 2>/dev/null || status=$?
((status == 2)) || fails "an option that there is not: $status"
# A check that does not hold: there is a device of the name already.
got=$(on v6_1 preload bash -c '
  exec 9>&1
  mkfifo '"$dir"'/here/go
  (read -r <'"$dir"'/here/go; exec '"$dir"'/dynamic create) &
  dmsetup create "dmtap-$!-a" --notable --addnodeoncreate
  echo >'"$dir"'/here/go
  wait $! || echo "status $?"
  dmsetup ls') || true
for line in "not ok 1 - create: DM_DEV_CREATE" "# create, line * is 16 (*), wanted 0" \
  "status 1"; do
  # Unquoted: a pattern.
  [[ $got == *$line* ]] || fails "a check that does not hold: no '$line' in: $got"
done

# What ends it ends its devices.
got=$(on v6_1 preload bash -c "
  $dir/dynamic wait >$dir/here/log &
  until grep -q 'while there is' $dir/here/log 2>/dev/null; do sleep 0.02; done
  kill -TERM \$!; wait \$!; tail -n 1 $dir/here/log; dmsetup ls") || true
[[ $got == "Bail out! Terminated in 'wait'
No devices found" ]] || fails "after SIGTERM: $got"
exit "$failed"
