#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Many machines at once, machines that are killed, and programs that have
# nothing to do with one, as nobody.
#
#   robust_test.sh DMDAX LIBRARY WORLD [MACHINES [KILLS]]
#
# MACHINES run side by side, each with a script of 20 commands: all say the same
# and leave nothing behind.  KILLS times a program, its supervisor or its server
# is killed at any moment: all of them end, what was acknowledged is in the
# state, and who lost the machine says so.  (100 and 1000 take some minutes.)
set -euo pipefail
. "$(dirname "$0")/testing.sh"

machines=${4:-8} kills=${5:-12}
install_here robust "$1" "$2" "$3"
become_nobody
find_doors "${clean[@]}" "$dmdax"

# --- A machine in a machine: who is told to be root serves its own user.
for door in "${doors[@]}"; do
  got=$("${clean[@]}" "$dmdax" run --root --door="$door" -- bash -c "
    id -u; $dmdax --state s.$door create inner --table '0 8 zero'
    $dmdax --state s.$door run --root --door=preload -- dmsetup ls" 2>&1) || true
  case $door in
    preload) wanted=$'0\ninner\t(254:0)' ;;
    notify) wanted=$'0\ndmdax: another machine\'s --door=notify runs around this program, and would answer for the devices of this one' ;;
  esac
  [[ $got == "$wanted" ]] || wrong "a machine in a machine, $door: $got"
done

# --- A daemon that a command leaves behind ends with it, and does not keep the
# state's machine.
"${clean[@]}" "$dmdax" --state s.left run --door=preload -- bash -c '
  /usr/bin/python3 -S -c "import os, time
os.open(\"/dev/mapper/control\", os.O_RDWR)
open(\"open\", \"w\").write(str(os.getpid()))
time.sleep(20)" >/dev/null 2>&1 &
  until [[ -s open ]]; do sleep 0.05; done' || wrong "a daemon: $?"
! kill -0 "$(<open)" 2>/dev/null || wrong "a daemon goes on"
for ((wait = 0; wait < 100; wait++)); do
  [[ -e s.left/.socket ]] || break
  sleep 0.05
done
[[ ! -e s.left/.socket ]] || wrong "a daemon keeps the machine"

# --- A machine whose server somebody has stopped: who comes is told, and waits
# no longer than it wants to.
"${clean[@]}" "$dmdax" --state s.stopped serve >ready &
server=$!
until [[ -s ready ]]; do sleep 0.05; done
holder=$(pgrep -f -- "--state s.stopped serve" | tail -n 1)
kill -STOP "$holder"
for door in "${doors[@]}"; do
  got=$(timeout 60 "${clean[@]}" "$dmdax" --state s.stopped --timeout 2 run \
    --door="$door" -- true 2>&1) && wrong "a stopped server, $door: exit 0"
  at="the machine at '$dir/here/s.stopped/.socket', held by pid $holder"
  [[ $got == "dmdax: waiting for $at"*"$at, does not answer; waited 2s" ]] ||
    wrong "a stopped server, $door: $got"
done
kill -CONT "$holder"
"${clean[@]}" "$dmdax" --state s.stopped --timeout 60 run --door=preload -- \
  true || wrong "a server that goes on: $?"
kill "$holder"
wait "$server" || true

# --- Who is nobody sees nothing of a program that lets nobody look.
for door in "${doors[@]}"; do
  [[ $door == notify ]] || continue
  got=$("${clean[@]}" "$dmdax" --world ../world.textproto run --door=notify -- \
    /usr/bin/python3 -S -c 'import ctypes, os
fd = os.open("/dev/pmem0", os.O_RDONLY)
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
try: os.pread(fd, 512, 0)
except OSError: print("fails")' 2>&1) || got+=" ? $?"
  [[ -z $got || $got == *"has made itself undumpable"*fails* ]] ||
    wrong "an undumpable program: $got"
done

# --- A supervisor that is killed before its command has begun.
for door in "${doors[@]}"; do
  [[ $door == notify ]] || continue
  "${clean[@]}" /usr/bin/python3 -S - "$dmdax" "$dir/world.textproto" <<'END' ||
import os, subprocess, sys, time
for i in range(20):
    run = subprocess.Popen(
        [sys.argv[1], "--world", sys.argv[2], "run", "--door=notify", "--",
         "sleep", "1000"], stderr=subprocess.DEVNULL)
    children = ""
    while not children and run.poll() is None:
        children = open(f"/proc/{run.pid}/task/{run.pid}/children").read()
    run.kill()
    run.wait()
    for child in children.split():
        for look in range(200):
            if not os.path.exists(f"/proc/{child}"):
                break
            time.sleep(0.05)
        else:
            os.kill(int(child), 9)
            sys.exit(f"process {child} goes on")
END
    wrong "a supervisor that is killed early"
done

# --- A machine that goes while a program writes and makes names: nothing it was
# told is written is in a file that has taken the place of a disk, and no name
# it was told is made is nowhere.
for door in "${doors[@]}"; do for signal in TERM KILL; do
  "${clean[@]}" "$dmdax" --state s.gone machine load --replace \
    ../world.textproto >/dev/null
  "${clean[@]}" "$dmdax" --state s.gone serve >ready.gone &
  server=$!
  until [[ -s ready.gone ]]; do sleep 0.05; done
  "${clean[@]}" "$dmdax" --state s.gone run --root --door="$door" -- bash -c '
    for ((i = 0; i < 400; ++i)); do
      printf "%04d" $i | dd of=/dev/pmem1 seek=$((i * 4)) oflag=seek_bytes \
        conv=fsync,notrunc 2>/dev/null && echo $i
      mknod /dev/n$i b 1 1 && echo n$i
    done' >gone.said 2>/dev/null &
  program=$!
  for ((wait = 0; wait < 200; wait++)); do
    ! grep -q "^n2$" gone.said || break
    sleep 0.05
  done
  kill -$signal "$(pgrep -f -- "--state s.gone serve" | tail -n 1)"
  wait "$server" || true
  wait "$program" || true
  "${clean[@]}" "$dmdax" --state s.gone run --root -- bash -c '
    head -c 1600 /dev/pmem1 | tr -d "\0" | fold -w 4 | sed "s/^0*\(.\)/\1/"
    echo; cd /dev; ls -d n[0-9]*' >gone.there
  lost=$(grep -vxFf gone.there gone.said) || true
  [[ -s gone.said && -z $lost ]] ||
    wrong "the machine goes by $signal, $door: lost" $lost
  rm ready.gone
done; done

# --- What a target has on its disk is written over: the state still opens.
"${clean[@]}" "$dmdax" --state s.over machine load ../world.textproto >/dev/null
"${clean[@]}" "$dmdax" --state s.over run --root --door=preload -- sh -c '
  dmsetup create l --table "0 8 linear /dev/pmem3 0"
  dmsetup create e --table "0 8192 era /dev/pmem1 /dev/pmem2 128"
  tr "\0" x </dev/zero | dd of=/dev/pmem1 bs=4k count=20 iflag=fullblock \
    conv=fsync 2>/dev/null
  dmsetup table e'
got=$("${clean[@]}" "$dmdax" --state s.over table 2>&1) || got+=" ? $?"
[[ $got == *"row of era from sector 0 on cannot be made again"*$'\n'"e: 0 8192 error"*$'\n'"l: 0 8 linear "* ]] ||
  wrong "metadata that were written over: $got"

# --- A node goes on leading to its number when devices change their names.
"${clean[@]}" "$dmdax" --state s.node machine load ../world.textproto >/dev/null
"${clean[@]}" "$dmdax" --state s.node run --root --door=preload -- sh -c '
  dmsetup create a --table "0 8 linear /dev/pmem1 0"
  dmsetup create b --table "0 8 linear /dev/pmem2 0"
  mknod /dev/mine b 254 0
  echo one >/dev/pmem1; echo two >/dev/pmem2'
for door in "${doors[@]}"; do
  got=$("${clean[@]}" "$dmdax" --state s.node run --root --door="$door" -- sh -c '
    dmsetup rename a x; dmsetup rename b a; dmsetup rename x b
    for at in /dev/dm-0 /dev/mine /dev/mapper/b; do
      stat -c "%F %t:%T" "$at"; head -c 4 "$at"
    done
    dmsetup rename a x; dmsetup rename b a; dmsetup rename x b' 2>&1) || true
  one=$'block special file fe:0\none'
  [[ $got == "$one"$'\n'"$one"$'\n'"$one" ]] || wrong "nodes, $door: $got"
done

# --- Commands that begin at once on a state nobody serves yet.
"${clean[@]}" "$dmdax" --state s.race machine list >/dev/null
for round in 1 2 3 4 5; do
  began=()
  for i in 1 2 3 4; do
    "${clean[@]}" "$dmdax" --state s.race run --door=preload -- \
      dmsetup create "n$round.$i" --table '0 8 zero' >"race.$i" 2>&1 &
    began+=($!)
  done
  for i in 1 2 3 4; do
    wait "${began[i - 1]}" || wrong "run $i at once: $? $(<"race.$i")"
  done
done
got=$("${clean[@]}" "$dmdax" --state s.race ls | wc -l)
((got == 20)) || wrong "20 devices of runs at once: $got"

# --- What a shell had in the background before it became dmdax goes on.
"${clean[@]}" bash -c 'sleep 1000 & echo $! >before
  exec "$0" run --door=preload -- true' "$dmdax" ||
  wrong "a shell that becomes dmdax: $?"
kill "$(<before)" || wrong "what the shell had in the background was killed"

# --- Side by side.
cat >script <<'END'
for i in 1 2 3 4; do
  dmsetup create v$i --table "0 $((i * 8)) linear /dev/pmem$i 0"
  echo "volume $i" | dd of=/dev/mapper/v$i conv=notrunc status=none
done
dmsetup suspend v1
dmsetup rename v2 w2
dmsetup resume v1
head -c 9 /dev/mapper/w2; head -c 9 /dev/pmem3
dmsetup load v4 --table '0 8 error'; dmsetup resume v4
dmsetup table; cat /sys/block/dm-0/size; ls /dev/mapper
dmsetup remove v3
dmsetup remove_all
dmsetup ls
END
chmod a+r script
# one NAME DOOR
one() {
  timeout 300 "${clean[@]}" "$dmdax" --world ../world.textproto run --root \
    --door="$2" -- bash script >"$dir/$1.out" 2>&1 || echo "? $?" >>"$dir/$1.out"
}
for ((i = 0; i < machines; ++i)); do
  one "$i" "${doors[i % ${#doors[@]}]}" &
done
wait
[[ $(grep -c "" "$dir/0.out") == 13 ]] || wrong "side by side: $(cat "$dir/0.out")"
for ((i = 1; i < machines; ++i)); do
  cmp -s "$dir/0.out" "$dir/$i.out" || wrong "machine $i: $(cat "$dir/$i.out")"
done

# --- Killed.
# children PID: of a process and theirs.
children() {
  local child
  for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
    echo "$child"
    children "$child"
  done
}
cat >changes <<'END'
for ((i = 0; i < 60; ++i)); do
  dmsetup create d$i --table '0 8 zero' && echo d$i >>"$1" || exit 9
done
END
chmod a+r changes
words=0
for ((i = 0; i < kills; ++i)); do
  door=${doors[i % ${#doors[@]}]}
  acked=$dir/here/acked.$i state=$dir/here/state.$i
  : >"$acked"
  chmod a+w "$acked"
  timeout 60 "${clean[@]}" "$dmdax" --state "$state" run --root \
    --door="$door" -- bash changes "$acked" >"$dir/killed.out" 2>&1 &
  timeout=$!
  sleep "0.$((RANDOM % 40 + 10))"
  mapfile -t all < <(children "$timeout")
  # The server is the first, the supervisor or the program the next.
  ((${#all[@]} == 0)) ||
    kill -KILL "${all[i / ${#doors[@]} % 4 % ${#all[@]}]}" 2>/dev/null || true
  status=0
  wait "$timeout" 2>/dev/null || status=$?
  ((status != 124)) || wrong "kill $i, $door: no end"
  for ((wait = 0; wait < 100; ++wait)); do
    grep -qsz "^$acked$" /proc/[0-9]*/cmdline || break
    sleep 0.1
  done
  ((wait < 100)) || wrong "kill $i, $door: a program stays"
  ! grep -q "machine is gone" "$dir/killed.out" || words=$((words + 1))
  # Twice as the state has it: by the verb, and through the door.
  for look in "ls" "run --root -- dmsetup ls"; do
    # shellcheck disable=SC2086
    timeout 60 "${clean[@]}" "$dmdax" --state "$state" $look >"$dir/left" 2>&1 ||
      wrong "kill $i, $door: $look: $(cat "$dir/left")"
    lost=$(grep -vxFf <(cut -f 1 "$dir/left") "$acked") || true
    [[ -z $lost ]] || wrong "kill $i, $door: acknowledged and lost:" $lost
  done
  rm -rf "$state" "$acked"
done
echo "$kills kills, $words times the machine was gone"

# --- Who has lost its machine does not come to the host's names.
got=$("${clean[@]}" "$dmdax" run --door=preload -- bash -c '
  kill -9 $PPID; while kill -0 $PPID 2>/dev/null; do sleep 0.05; done
  touch /dev/zz; mkdir -p /dev/mapper/zz; echo 1 >/run/lvm/zz
  cat /sys/block/zz/size; rm -f /dev/zz && echo removed; true' 2>&1) || true
[[ $(grep -c 'File name too long' <<<"$got") == 5 && $got != *removed* ]] ||
  wrong "without a machine: $got"

# --- A command is not begun on a machine that is not there.
for limit in 6 8 12 31; do
  got=$(ulimit -n "$limit"
    "${clean[@]}" "$dmdax" run --door=preload -- echo begun 2>&1) || got+=" $?"
  [[ $got == *"open files is $limit: a machine that programs run on needs 32"*1 ]] ||
    wrong "$limit open files: $got"
done

# --- Others.
mkdir -p project/sub
cat >project/Makefile <<'END'
all: main sub/other.o
main: main.c
sub/other.o: sub/other.c ../project/Makefile
clean:
	rm -f main sub/other.o
END
printf 'int main(void) { return 0; }\n' >project/main.c
printf 'int other;\n' >project/sub/other.c
mkdir -p tree/dev/block tree/sys/class
echo x | tee tree/dev/block/x tree/sys/class/y >/dev/null
chmod -R a+rwX project tree
for command in \
  'cd project && make clean >/dev/null && make && ./main && make' \
  'tar cf - -C tree . | tar tf - | sort; cd tree && ls dev sys ../tree/dev' \
  'tar cf - /usr/include/linux 2>/dev/null | cksum' \
  'rm -rf r && git init -q r && cd r && git config user.email a@b && git config user.name a && mkdir dev && echo 1 >dev/null1 && git add dev && GIT_AUTHOR_DATE="1 +0" GIT_COMMITTER_DATE="1 +0" git commit -qm x && git log --stat && git status -s && git fsck' \
  '/usr/bin/python3 -c "import os, shutil, subprocess, json; print(sorted(os.listdir(\"tree\"))); shutil.copytree(\"tree\", \"copy\", dirs_exist_ok=True); print(os.path.realpath(\"copy/../tree/dev\")[-8:], os.stat(\"copy/dev/block/x\").st_size, subprocess.check_output([\"sort\"], input=b\"b\\na\\n\"))"' \
  'find / -maxdepth 1 -xdev | wc -l; df . | wc -l' \
  'seq 3000 | while read n; do s=$((s + n)); echo $s; done | tail -n 1'; do
  wanted=$("${clean[@]}" bash -c "$command" 2>&1) || wanted+=" ? $?"
  for door in "${doors[@]}"; do
    got=$(timeout 120 "${clean[@]}" "$dmdax" run --door="$door" -- \
      bash -c "$command" 2>&1) || got+=" ? $?"
    [[ $got == "$wanted" ]] ||
      wrong "$command, $door"$'\n'"wanted: $wanted"$'\n'"got: $got"
  done
done

# What was killed early goes, and nothing that is the user's.
"${clean[@]}" sh -c '
  mkdir dmdax-old dmdax-src dmdax-new
  echo "a scratch tree of dmdax run" >dmdax-old/lock.new
  echo mine >dmdax-src/main.c
  touch -d "2 days ago" dmdax-*'
"${clean[@]}" "$dmdax" run --door=preload -- true
got=$(compgen -G "$dir/here/dmdax-*" | sort | tr '\n' ' ')
[[ $got == "$dir/here/dmdax-new $dir/here/dmdax-src " ]] ||
  wrong "left behind: $got"
exit "$failed"
