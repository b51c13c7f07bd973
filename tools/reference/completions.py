# SPDX-License-Identifier: Apache-2.0
"""Completions for bash, zsh and fish."""

# What the two shells share: functions that leave their answer in $reply.
_SHARED = r"""
# The verbs that may follow a verb.
_dmdax_verbs() {
  reply=
  case "$1" in
@VERBS@
  esac
}

# The options of a verb.
_dmdax_options() {
  reply="@GLOBAL@"
  case "$1" in
@OPTIONS@
  esac
}

# What follows an option of a verb, as words, @file, @dir or @any; nothing if
# it stands alone.
_dmdax_values() {
  reply=
  case "$1 $2" in
@VALUES@
  esac
}

# Whether a verb names devices.
_dmdax_names_device() {
  case "$1" in
    @DEVICE@) return 0 ;;
  esac
  return 1
}

# The verb so far: goes through the words one by one.
_dmdax_take() {
  if [ -n "$skip" ]; then
    skip=
    return
  fi
  _dmdax_values "$verb" "$1"
  if [ -n "$reply" ]; then
    skip=1
    return
  fi
  _dmdax_verbs "$verb"
  case " $reply " in
    *" $1 "*) verb="${verb:+$verb }$1" ;;
  esac
}

# A line each.  Names are the words of others: no shell may expand or split
# them, as bash's compgen -W does with the words that it is given.
_dmdax_devices() {
  "$1" info -c --noheadings -o name 2>/dev/null
}
"""

_BASH = r"""# bash completion for dmdax, made from the command's own tables.
@SHARED@
# Adds the devices that begin as $cur does, as it is typed or as it is meant.
_dmdax_add_devices() {
  local name quoted
  while IFS= read -r name; do
    printf -v quoted %q "$name"
    if [[ $name == "$cur"* || $quoted == "$cur"* ]]; then
      COMPREPLY+=("$quoted")
    fi
  done < <(_dmdax_devices "$1")
}

_dmdax() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local verb='' skip='' reply='' i
  COMPREPLY=()
  # readline makes three words of --kernel=6.1.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; ++i)); do
    if [[ ${COMP_WORDS[i]} != = ]]; then _dmdax_take "${COMP_WORDS[i]}"; fi
  done
  _dmdax_values "$verb" "$prev"
  case $reply in
    @file | @any) return ;;
    @dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    ?*) mapfile -t COMPREPLY < <(compgen -W "$reply" -- "$cur") ;;
    *)
      if [[ $cur == -* ]]; then
        _dmdax_options "$verb"
      else
        _dmdax_verbs "$verb"
      fi
      mapfile -t COMPREPLY < <(compgen -W "$reply" -- "$cur")
      if [[ $cur != -* ]] && _dmdax_names_device "$verb"; then
        _dmdax_add_devices "${COMP_WORDS[0]}"
      fi
      ;;
  esac
}

complete -o bashdefault -o default -F _dmdax dmdax
"""

_ZSH = r"""#compdef dmdax
# Made from the command's own tables.
@SHARED@
_dmdax() {
  local verb='' skip='' reply='' prev=${words[CURRENT-1]} i
  local -a devices
  if compset -P '--*='; then prev=${IPREFIX%=}; fi
  for ((i = 2; i < CURRENT; ++i)); do _dmdax_take "${words[i]}"; done
  _dmdax_values "$verb" "$prev"
  case $reply in
    @file | @any) _files ;;
    @dir) _files -/ ;;
    ?*) compadd -- ${=reply} ;;
    *)
      if [[ $PREFIX == -* ]]; then
        _dmdax_options "$verb"
      else
        _dmdax_verbs "$verb"
        if _dmdax_names_device "$verb"; then
          devices=(${(f)"$(_dmdax_devices "${words[1]}")"})
        fi
        _files
      fi
      compadd -- ${=reply}
      compadd -- "${devices[@]}"
      ;;
  esac
}

_dmdax "$@"
"""

_FISH = r"""# fish completion for dmdax, made from the command's own tables.

# The verb so far.
function __dmdax_verb
    set -l verb
    set -l skip
    for word in (commandline -opc)[2..-1]
        if test -n "$skip"
            set skip
            continue
        end
        switch "$verb $word"
@VALUES@
                set skip 1
@VERBS@
                set verb (string trim -- "$verb $word")
        end
    end
    echo $verb
end

function __dmdax_at
    test (string join ' ' -- (__dmdax_verb)) = "$argv[1]"
end

# Their lines are not expanded again.
function __dmdax_devices
    dmdax info -c --noheadings -o name 2>/dev/null
end

"""


def _Kind(option):
  """What follows it."""
  if option.choices:
    return " ".join(option.choices)
  return {"": "", "FILE": "@file", "DIR": "@dir"}.get(option.value, "@any")


def _OptionsOf(tables, verb):
  """[(name, what follows, help)] besides the global ones."""
  if verb.dmsetup is None:
    return [(n, _Kind(o), o.help) for o in verb.options for n in o.names]
  return [(o["name"], "@any" if o["value"] else "", "")
          for o in tables.dmsetup_options]


def _Case(pattern, answer):
  return f'    {pattern}) reply="{answer}" ;;'


def _Shared(tables):
  verbs = list(tables.Verbs())
  top = [v.name for v in verbs if len(v.path) == 1]
  below, options, values = [_Case('""', " ".join(top))], [], []
  devices = []
  # All of dmsetup's verbs take the same options.
  dmsetup = [v for v in verbs if v.dmsetup is not None]
  names = "|".join(v.name for v in dmsetup)
  for verb in dmsetup[:1] + [v for v in verbs if v.dmsetup is None]:
    at = f'"{verb.name}"' if verb.dmsetup is None else names
    own = _OptionsOf(tables, verb)
    choices = [c for w in verb.words for c in w.choices]
    if verb.verbs or choices:
      below.append(_Case(at, " ".join([v.path[-1] for v in verb.verbs] +
                                      choices)))
    if own:
      options.append(_Case(at, "$reply " + " ".join(n for n, _, _ in own)))
    for name, kind, _ in own:
      if kind:
        patterns = [f'"{v.name} {name}"'
                    for v in (dmsetup if verb.dmsetup is not None else [verb])]
        values.append(_Case(" | ".join(patterns), kind))
  for option in tables.global_options:
    for name in option.names:
      if _Kind(option):
        values.append(_Case(f'*" {name}"', _Kind(option)))
  devices = [f'"{v.name}"' for v in verbs if v.NamesDevice()]
  shared = _SHARED.replace("@VERBS@", "\n".join(below))
  shared = shared.replace("@OPTIONS@", "\n".join(options))
  shared = shared.replace("@VALUES@", "\n".join(values))
  shared = shared.replace("@DEVICE@", " | ".join(devices))
  return shared.replace("@GLOBAL@", " ".join(
      n for o in tables.global_options for n in o.names))


def _Quote(text):
  return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _FishOption(name, kind, text, at):
  line = "complete -c dmdax"
  if at:
    line += f" -n {_Quote('__dmdax_at ' + _Quote(at))}"
  line += (f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}")
  if kind == "@dir":
    line += " -x -a '(__fish_complete_directories)'"
  elif kind.startswith("@"):
    line += " -r"
  elif kind:
    line += f" -x -a {_Quote(kind)}"
  return line + (f" -d {_Quote(text)}" if text else "")


def _Fish(tables):
  verbs = list(tables.Verbs())
  values = [f"'* {n}'" for o in tables.global_options for n in o.names
            if _Kind(o)]
  lines = []
  for option in tables.global_options:
    for name in option.names:
      lines.append(_FishOption(name, _Kind(option), option.help, ""))
  for verb in verbs:
    at = " ".join(verb.path[:-1])
    lines.append("complete -c dmdax -f "
                 f"-n {_Quote('__dmdax_at ' + _Quote(at))} "
                 f"-a {_Quote(verb.path[-1])} -d {_Quote(verb.summary)}")
    for name, kind, text in _OptionsOf(tables, verb):
      lines.append(_FishOption(name, kind, text, verb.name))
      if kind:
        values.append(_Quote(f"{verb.name} {name}"))
    words = " ".join(c for w in verb.words for c in w.choices)
    if verb.NamesDevice():
      words = "(__dmdax_devices)"
    if words:
      lines.append("complete -c dmdax -n "
                   f"{_Quote('__dmdax_at ' + _Quote(verb.name))} "
                   f"-a {_Quote(words)}")
  paths = [_Quote(" ".join(v.path[:-1]) + " " + v.path[-1]) for v in verbs]
  text = _FISH.replace("@VALUES@", "            case " + " ".join(values))
  text = text.replace("@VERBS@", "            case " + " ".join(paths))
  return text + "\n".join(lines) + "\n"


def Completions(tables):
  """{path below share: text}."""
  shared = _Shared(tables)
  return {
      "bash-completion/completions/dmdax": _BASH.replace("@SHARED@", shared),
      "zsh/site-functions/_dmdax": _ZSH.replace("@SHARED@", shared),
      "fish/vendor_completions.d/dmdax.fish": _Fish(tables),
  }
