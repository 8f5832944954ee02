"""`flowdeck completion SHELL`: a script that completes commands and flags; made from the parsers themselves."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from flowdeck.cli.parsing import leaves

SHELLS = ("bash", "zsh", "fish")


def register(group: argparse.ArgumentParser) -> None:
    """Add the argument."""
    group.description = (
        "Print a completion script: source <(flowdeck completion bash), "
        "flowdeck completion fish > ~/.config/fish/completions/flowdeck.fish"
    )
    group.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))
    group.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    print(script(options.shell))
    return 0


def places() -> Iterator[tuple[str, list[str], list[tuple[str, str]]]]:
    """Each place of the command line: the words before it, the words that may follow, flags with their help."""
    from flowdeck.cli import parser

    top = parser()
    seen: set[str] = set()
    for path, leaf in leaves(top):
        for depth in range(len(path)):
            before = " ".join(path[:depth])
            if before not in seen:
                seen.add(before)
                one = _at(top, path[:depth])
                yield before, sorted(_words(one)), _flags(one)
        yield " ".join(path), sorted(_words(leaf)), _flags(leaf)


def _at(parser: argparse.ArgumentParser, path: tuple[str, ...]) -> argparse.ArgumentParser:
    for word in path:
        action = next(one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
        parser = action.choices[word]
    return parser


def _words(parser: argparse.ArgumentParser) -> set[str]:
    found: set[str] = set()
    for action in parser._actions:
        if action.option_strings:
            continue
        if isinstance(action, argparse._SubParsersAction):
            found |= {one.dest for one in action._choices_actions}
        elif action.choices:
            found |= {str(one) for one in action.choices}
    return {one.split(" ")[0] for one in found}


def _flags(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    return [
        (flag, (action.help or "").replace("%%", "%"))
        for action in parser._actions
        if action.help is not argparse.SUPPRESS
        for flag in action.option_strings
        if flag.startswith("--")
    ]


def script(shell: str) -> str:
    """The script of a shell."""
    table = list(places())
    if shell == "fish":
        return _fish(table)
    lines = []
    for before, words, flags in table:
        lines.append(f"    '{before}') words='{' '.join([*words, *(flag for flag, _ in flags)])}' ;;")
    known = " ".join(f"'{before}'" for before, _, _ in table if before)
    body = "\n".join(lines)
    start = "autoload -U +X bashcompinit && bashcompinit\n" if shell == "zsh" else ""
    return f"""{start}_flowdeck() {{
  local words='' place='' next='' i word current="${{COMP_WORDS[COMP_CWORD]}}"
  local -a known=({known})
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${{COMP_WORDS[i]}}"
    next="${{place:+$place }}$word"
    for one in "${{known[@]}}"; do
      if [[ "$one" == "$next" ]]; then place="$next"; break; fi
    done
  done
  case "$place" in
{body}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ ${{#COMPREPLY[@]}} -eq 0 && "$current" != -* ]]; then COMPREPLY=($(compgen -f -- "$current")); fi
}}
complete -o filenames -F _flowdeck flowdeck"""


def _fish(table: list[tuple[str, list[str], list[tuple[str, str]]]]) -> str:
    lines = ["# Words so far that are commands, flags left out.", "function __flowdeck_at"]
    lines += ["  set -l words", "  for word in (commandline -opc)[2..]"]
    lines += ["    string match -q -- '-*' $word; or set -a words $word", "  end"]
    lines += ["  set -l wanted (string split -n ' ' -- $argv[1])", "  set -l n (count $wanted)"]
    lines += ["  test (count $words) $argv[2] $n; or return 1", "  test $n -eq 0; and return 0"]
    lines += ['  test "$words[1..$n]" = "$wanted"', "end"]
    groups = {" ".join(before.split()[:-1]) for before, _, _ in table if before}
    for before, words, flags in table:
        # A group is followed by one word; after it the command has lines of its own.
        sign = "-eq" if before in groups else "-ge"
        at = f"complete -c flowdeck -n \"__flowdeck_at '{before}' {sign}\""
        if words:
            lines.append(f"{at} -f -a '{' '.join(words)}'")
        for flag, told in flags:
            quoted = told.replace("\\", "\\\\").replace("'", "\\'")
            lines.append(f"{at} -l {flag[2:]} -d '{quoted}'")
    return "\n".join(lines)
