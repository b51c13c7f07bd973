#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# completion_test.sh REFERENCE.tar DMDAX: bash's completion offers each verb and
# option that --help has, and what follows them; that of other shells has no
# mistake that a shell finds without running it.
set -euo pipefail

share=$TEST_TMPDIR/share
mkdir -p "$share" "$TEST_TMPDIR/bin"
tar -xf "$1" -C "$share"
ln -sf "$(realpath "$2")" "$TEST_TMPDIR/bin/dmdax"
export PATH="$TEST_TMPDIR/bin:$PATH" DMDAX_STATE="$TEST_TMPDIR/state"
checks=0 failed=0

# complete WORD...: what bash offers for the last one.
complete_words() {
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _dmdax dmdax "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
}

# offers WANTED... -- WORD...
offers() {
  local wanted=() each
  while [[ $1 != -- ]]; do
    wanted+=("$1")
    shift
  done
  shift
  complete_words "$@"
  for each in "${wanted[@]}"; do
    checks=$((checks + 1))
    if [[ " ${COMPREPLY[*]} " != *" $each "* ]]; then
      failed=$((failed + 1))
      echo "'$*' offers '${COMPREPLY[*]}', not '$each'"
    fi
  done
}

# is EXPECTED WORD...: exactly these.
is() {
  local expected=$1
  shift
  complete_words "$@"
  checks=$((checks + 1))
  if [[ ${COMPREPLY[*]} != "$expected" ]]; then
    failed=$((failed + 1))
    echo "'$*' offers '${COMPREPLY[*]}', not '$expected'"
  fi
}

# shellcheck disable=SC1091
source "$share/bash-completion/completions/dmdax"
[[ $(complete -p dmdax) == *"-F _dmdax dmdax" ]]

# Verbs stand in two columns in --help, after a line that ends in a colon.
verbs_of() {
  dmdax "$@" --help | sed -n '/verbs.*:$\|^Subcommands:$/,$p' |
    grep -oE '^  [a-z][a-z_-]*' || true
}
options_of() {
  dmdax "$@" --help | grep -oE '^  +(-[a-zA-Z],)?--[a-z][a-z-]*' |
    grep -oE -- '--[a-z-]*' || true
}
for verb in $(verbs_of); do
  offers "$verb" -- dmdax "$verb"
  for option in $(options_of "$verb"); do
    offers "$option" -- dmdax "$verb" "$option"
  done
  if [[ $verb != stats ]]; then
    for part in $(verbs_of "$verb"); do
      offers "$part" -- dmdax "$verb" "$part"
      for option in $(options_of "$verb" "$part"); do
        offers "$option" -- dmdax "$verb" "$part" "$option"
      done
    done
  fi
done
((checks > 200)) || { echo "only $checks checks: was --help read?"; exit 1; }

is "check" dmdax chec
is "--require" dmdax check --req
is "dax pmd pud sync" dmdax check --require ""
is "pmd pud" dmdax check --require = p
is "PTE PMD PUD" dmdax --world w.textproto fault --want P
is "--replace" dmdax --state /tmp/x machine load --re
offers v6_12 v7_2 -- dmdax --kernel v
offers --table --readonly -- dmdax create -
is "" dmdax --world ""            # bash's own: names of files
is "" dmdax no-such-verb --req

# Devices are those of the state.
dmdax machine load examples/oracle.textproto
dmdax create home --table '0 2048 linear /dev/pmem0 0'
is "home" dmdax table ho
is "home" dmdax translate ho

# Names of devices are the words of others: they are offered so that the shell
# reads them as they are, and nothing in them is run, expanded or split.
# shellcheck disable=SC2016
hostile=('x$(touch${IFS}TABBED)' 'x`touch TABBED`' 'x;touch TABBED;' "x'y" 'x"y'
  'x*' 'x y' 'x\y' 'x~' '-x' 'x&touch TABBED' '${x:=TABBED}' $'x\e[31m')
mkdir "$TEST_TMPDIR/hostile"
printf '%s\n' "${hostile[@]}" >"$TEST_TMPDIR/hostile/names"
cat >"$TEST_TMPDIR/hostile/dmdax" <<EOF
#!/bin/sh
cat "$TEST_TMPDIR/hostile/names"
EOF
chmod +x "$TEST_TMPDIR/hostile/dmdax"

# offered SHELL GOT...: it must be the hostile names, and nothing has been run.
offered() {
  local shell=$1
  shift
  checks=$((checks + 1))
  if [[ $(printf '%s\n' "$@") != "$(<"$TEST_TMPDIR/hostile/names")" ]]; then
    failed=$((failed + 1))
    echo "$shell offers of hostile names:"
    printf '  %q\n' "$@"
  fi
  if [[ -e TABBED ]]; then
    failed=$((failed + 1))
    echo "$shell has run what was a name"
    rm -f TABBED
  fi
}
complete_words "$TEST_TMPDIR/hostile/dmdax" table ""
words=()
eval "words=(${COMPREPLY[*]})"
offered bash "${words[@]}"
for name in "${hostile[@]}"; do
  [[ $name != -* ]] || continue  # an option is meant
  complete_words "$TEST_TMPDIR/hostile/dmdax" table "$name"
  eval "words=(${COMPREPLY[*]})"
  checks=$((checks + 1))
  if [[ " ${words[*]} " != *" $name "* ]]; then
    failed=$((failed + 1))
    echo "bash does not complete '$name'"
  fi
done
# As the command itself prints such a name.
# shellcheck disable=SC2016
dmdax create 'x$(touch${IFS}TABBED)' --notable
complete_words dmdax table x
offered_by_dmdax="${COMPREPLY[*]}"
checks=$((checks + 1))
if [[ -z $offered_by_dmdax || -e TABBED ]]; then
  failed=$((failed + 1))
  echo "a device's name was run, or is not offered: '$offered_by_dmdax'"
fi
if command -v zsh >/dev/null; then
  # compadd is zsh's own, which quotes; here it says what it is given.
  mapfile -t words < <(zsh -f -c '
    compadd() { shift; (($#)) && print -rl -- "$@"; }
    compset() { return 1 }
    _files() { : }
    words=("$2/dmdax" table "") CURRENT=3 PREFIX= IPREFIX=
    source "$1/zsh/site-functions/_dmdax"' \
    zsh "$share" "$TEST_TMPDIR/hostile")
  offered zsh "${words[@]}"
fi
if command -v fish >/dev/null; then
  mapfile -t words < <(HOME=$TEST_TMPDIR PATH=$TEST_TMPDIR/hostile:$PATH \
    fish --no-config -c "source $share/fish/vendor_completions.d/dmdax.fish
      __dmdax_devices")
  offered fish "${words[@]}"
  HOME=$TEST_TMPDIR PATH=$TEST_TMPDIR/hostile:$PATH \
    fish --no-config -c "source $share/fish/vendor_completions.d/dmdax.fish
      complete -C 'dmdax table x'" >"$TEST_TMPDIR/fish"  # in its own order
  for name in "${hostile[@]}"; do
    [[ $name == x* ]] || continue
    checks=$((checks + 1))
    if ! grep -qxF -- "$name" "$TEST_TMPDIR/fish"; then
      failed=$((failed + 1))
      echo "fish does not offer '$name'"
    fi
  done
  offered fish "${words[@]}"
fi

for other in "zsh -n $share/zsh/site-functions/_dmdax" \
  "fish --no-execute $share/fish/vendor_completions.d/dmdax.fish"; do
  shell=${other%% *}
  if ! command -v "$shell" >/dev/null; then
    echo "$shell is not installed: its completion was not checked"
    continue
  fi
  checks=$((checks + 1))
  # Unquoted: the words are the command.
  $other || failed=$((failed + 1))
done
if command -v fish >/dev/null; then
  checks=$((checks + 1))
  got=$(HOME=$TEST_TMPDIR fish --no-config -c "source \
    $share/fish/vendor_completions.d/dmdax.fish
    complete -C 'dmdax check --require p'" | cut -f 1 | paste -sd' ')
  [[ $got == "pmd pud" ]] || {
    failed=$((failed + 1))
    echo "fish offers '$got'"
  }
fi

echo "$checks checks, $failed failed"
((failed == 0))
