#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Static programs and others under `dmdax run --door=notify`, as nobody.
#
#   notify_test.sh DMDAX WORLD STATIC_CLIENT WAIT_CLIENT GO_CLIENT_SOURCE
#
# Where seccomp's user notification is not allowed, or a supervisor runs around
# the test already, it says so and is over.
set -euo pipefail
. "$(dirname "$0")/testing.sh"

dir=$(mktemp -d /tmp/notify-XXXXXX)
trap 'rm -rf "$dir"' EXIT
cp -L "$1" "$dir/dmdax"
cp -L "$2" "$dir/world.textproto"
cp -L "$3" "$dir/static_client"
cp -L "$4" "$dir/wait_client"
cp -L "$5" "$dir/go_client.go"
mkdir "$dir/here"
chmod -R a+rX "$dir"
chmod 1777 "$dir/here"
cd "$dir/here"

as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
# In a sandbox's user namespace there may be no other user to become.
"${as_nobody[@]}" true 2>/dev/null || as_nobody=()
clean=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$dir/here" LC_ALL=C
  TMPDIR="$dir/here")
# Does not come back after a minute: it hangs.
on_machine() {
  timeout -k 1 120 "${as_nobody[@]}" "${clean[@]}" "$dir/dmdax" \
    --world "$dir/world.textproto" run --root --door=notify -- "$@"
}
# The machine's server must be the user's own, and take its word for it.
as_ourselves() {
  timeout -k 1 120 "${as_nobody[@]}" "${clean[@]}" "$dir/dmdax" \
    --world "$dir/world.textproto" run --door=notify -- "$@"
}

# is_left WORD: a process has it among its arguments.
is_left() {
  grep -qsz -- "^$1\$" /proc/[0-9]*/cmdline
}

if ! words=$(on_machine true 2>&1); then
  if [[ $words == *"--door=preload serves programs"* ]]; then
    echo "skipped: $words"
    exit 0
  fi
  echo "$words"
  exit 1
fi

expect "a static program" ok \
  on_machine "$dir/static_client" /dev/pmem1 2000
expect "a static program has its door chosen" ok \
  timeout -k 1 120 "${as_nobody[@]}" "${clean[@]}" "$dir/dmdax" \
  --world "$dir/world.textproto" run -- "$dir/static_client" /dev/pmem1 10
expect "a wait ends with a signal" "Interrupted system call" \
  on_machine sh -c "dmsetup create x --table '0 8 zero' &&
    $dir/wait_client x && dmsetup remove x"

# Redirections of a shell, and what dd makes of them.
expect "redirections" "abcdefgh abcdefgh abcdefgh block" \
  on_machine bash -c '
    printf abcdefgh | dd of=/dev/pmem1 bs=4 seek=2 status=none
    dd if=/dev/pmem1 bs=8 skip=1 count=1 status=none; printf " "
    exec 3</dev/pmem1
    dd bs=8 skip=1 count=1 status=none <&3; printf " "
    exec 3<&-
    head -c 16 </dev/pmem1 | tail -c 8
    test -b /dev/pmem1 && echo " block"'
expect "what is open is closed" "" \
  on_machine bash -c '
    dmsetup create x --table "0 8 zero"
    exec 3</dev/mapper/x
    dmsetup remove x 2>/dev/null && echo "removed while it was open"
    exec 3<&-
    dmsetup remove x'

# Exit statuses, signals, and what the command leaves behind.
expect "a status" "? 42" on_machine sh -c 'exit 42'
expect "a signal's status" "? 143" on_machine sh -c 'kill -TERM $$'
expect "no such program" \
  "dmdax: cannot run './none': No such file or directory ? 127" \
  on_machine ./none
expect "descendants go with the command" "" \
  on_machine sh -c '(setsid sleep 1234567 &)'
if is_left 1234567; then
  echo "a descendant stays"
  failed=1
fi
# signalled COMMAND...: run as that one is, and sent a SIGTERM when it has made
# the file `ready`.
signalled() {
  rm -f ready
  "$@" &
  until [[ -e ready ]]; do sleep 0.05; done
  kill -TERM $!
  wait $!
}
expect "a signal goes to the command" "got it ? 7" \
  signalled "${as_nobody[@]}" "${clean[@]}" "$dir/dmdax" --world \
  "$dir/world.textproto" run --door=notify -- \
  sh -c 'trap "echo got it; exit 7" TERM; touch ready
    while :; do sleep 0.1; done'
expect "a second supervisor" \
  "dmdax: a supervisor with seccomp user notification runs around this program already, and the kernel allows one; --door=preload serves programs that are linked dynamically ? 126" \
  as_ourselves "$dir/dmdax" run --door=notify -- true
expect "few descriptors" \
  "dmdax: the limit of open files is 30: a machine that programs run on needs 32 or more (ulimit -n) ? 1" \
  bash -c "ulimit -n 30; $(printf '%q ' "${as_nobody[@]}" "${clean[@]}" \
    "$dir/dmdax" --world "$dir/world.textproto" run --door=notify -- true)"

# Programs that have nothing to do with devices do not notice.
for command in \
  'ls -l /etc /usr/bin | cksum' \
  'tar cf - /usr/include/linux 2>/dev/null | cksum' \
  'seq 1000 | while read n; do s=$((s + n)); echo $s; done | tail -1' \
  'python3 -c "import json, subprocess; print(subprocess.check_output([\"uname\", \"-r\"]))"' \
  'printf "int main(void){return 0;}" >a.c && cc a.c && ./a.out && echo made' \
  'stat -c %F /dev/null /dev/stdin </dev/null; echo x | cat /dev/stdin' \
  'mkdir -p d/e && ln -sf e d/f && mv d/e d/g && ls -R d; readlink d/f; rm -r d'; do
  wanted=$(bash -c "$command" 2>&1)
  rm -rf a.c a.out d
  expect "$command" "$wanted" on_machine bash -c "$command"
  rm -rf a.c a.out d
done

if [[ -x /usr/bin/go ]]; then
  (cd "$dir" && HOME=$dir GOCACHE=$dir/cache GO111MODULE=off CGO_ENABLED=0 \
    /usr/bin/go build -o go_client go_client.go)
  chmod a+rx "$dir/go_client"
  expect "a Go program" "Dcrw------- 0
control Dc---------
/sys/block/pmem0
lost 0" on_machine "$dir/go_client" 500
else
  echo "skipped: no Go program, there is no /usr/bin/go"
fi

# Killed at any moment, the supervisor takes the command along.
for delay in 0.01 0.03 0.1 0.2 0.3; do
  "${as_nobody[@]}" "${clean[@]}" "$dir/dmdax" --world "$dir/world.textproto" \
    run --root --door=notify -- "$dir/static_client" /dev/pmem1 7654321 \
    >/dev/null 2>&1 &
  sleep "$delay"
  kill -KILL $! 2>/dev/null || true
  wait $! 2>/dev/null || true
done
for ((i = 0; i < 50; ++i)); do
  is_left 7654321 || break
  sleep 0.1
done
if is_left 7654321; then
  echo "a command stays whose supervisor was killed"
  failed=1
fi
exit "$failed"
