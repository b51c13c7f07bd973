#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `dmdax run` without --door: what a shell, env(1), python and others run is on
# the machine, static or not, however it is run.
#
#   auto_test.sh DMDAX LIBRARY WORLD STATIC_CLIENT
#
# Where seccomp's user notification is not allowed, a static program sees the
# host, and a line says so: that is all that is looked at then.
set -euo pipefail
. "$(dirname "$0")/testing.sh"

install_here auto "$1" "$2" "$3"
mkdir "$dir/path"
cp -L "$4" "$dir/path/static"
static=$dir/path/static
printf '#!%s /dev/pmem1\n' "$static" >"$dir/path/script"
chmod +x "$dir/path/script"
cd "$dir/here"
export TMPDIR=$dir LC_ALL=C
unset DMDAX_STATE DMDAX_SOCKET

on_machine() {
  timeout -k 1 120 "$dmdax" --world "$dir/world.textproto" run --root \
    ${door:+"--door=$door"} -- "$@"
}
door=

words=$("$dmdax" run --door=notify -- true 2>&1) || true
if [[ $words == *"--door=preload serves programs"* ]]; then
  got=$(on_machine sh -c "$static /dev/pmem1 1" 2>&1) || true
  [[ $got == "dmdax: '$static' sees the host, and not the machine: "* ]] && exit
  printf 'what is said without a supervisor:\n%s\n' "$got"
  exit 1
fi

expect "by a shell" "ok
ok" on_machine sh -c "$static /dev/pmem1 10; $static /dev/pmem1 10"
expect "in place of a shell" ok on_machine sh -c "exec $static /dev/pmem1 10"
expect "by a name in PATH" ok \
  on_machine sh -c "PATH=$dir/path:\$PATH; static /dev/pmem1 10"
expect "by a name in a directory" ok \
  on_machine sh -c "cd $dir/path && ./static /dev/pmem1 10"
expect "a script whose interpreter is static" ok on_machine \
  sh -c "$dir/path/script"
expect "by env" ok on_machine env A=b "$static" /dev/pmem1 10
expect "without an environment" ok on_machine env -i "$static" /dev/pmem1 10
expect "by xargs" ok on_machine sh -c "echo /dev/pmem1 10 | xargs $static"
expect "by Python" "ok
ok
ok" on_machine python3 -c "
import os, subprocess
words = ['$static', '/dev/pmem1', '10']
subprocess.run(words)
subprocess.run(words, close_fds=False)
os.waitpid(os.posix_spawn(words[0], words, os.environ), 0)"
expect "a name that is another's" "/another/name" on_machine bash -c \
  "exec -a /another/name $static --argv0"
expect "a status" "? 3" on_machine sh -c "$static --exit 3"
expect "what it runs in turn" "block special file" \
  on_machine sh -c "$static --run sh -c 'stat -c %F /dev/pmem1'"
expect "what is not there" "? 127" \
  on_machine sh -c "$dir/path/nothing 2>/dev/null"
expect "what is no program" "? 126" \
  on_machine sh -c "chmod -x $static; $static 2>/dev/null"
chmod +x "$static"
# Who asked for one door has one: there the program is the host's.
door=preload
got=$(on_machine sh -c "$static /dev/pmem1 1" 2>&1) || true
[[ $got == *"control >= 0"* ]] || {
  echo "a supervisor behind --door=preload: $got"
  failed=1
}
exit "$failed"
