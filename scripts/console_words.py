"""Renew the list of the console's words and tell what the catalogues lack.

The words of pages are those that the last build of the console met (`.web/words.json`, written by
`app/locales/words_plugin.mjs`); the words of handlers are the literals in calls of `say` and `say_count`. Both become
`app/locales/words.json`.

    python scripts/console_words.py            renew the list, count what each catalogue lacks
    python scripts/console_words.py --prune    and drop from the catalogues what is no longer said
    python scripts/console_words.py --check    change nothing; status 1 when the list is stale or a word is missing
    python scripts/console_words.py --missing de   print what `de.json` lacks, one text a line as JSON
    python scripts/console_words.py --add de FILE  take translations from a JSON object into `de.json`
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "app" / "locales"
LIST = LOCALES / "words.json"
BUILT = ROOT / ".web" / "words.json"
WORDED = frozenset({"Deed"})
"""Classes whose texts are words, looked up when they are shown."""
SLOT = re.compile(r"\{\w+\}")

Words = dict[str, list[str]]


def _literals(call: ast.Call) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name in WORDED:
        yield from (one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str))
        return
    places = {"say": call.args[:1], "say_count": call.args[1:3], "later": call.args[:1]}.get(name, [])
    for place in places:
        if isinstance(place, ast.Constant) and isinstance(place.value, str):
            yield place.value


def words_of_handlers(root: Path = ROOT) -> set[str]:
    """Return the literals that the console's Python hands to `say`, `say_count` and `later`."""
    found: set[str] = set()
    for file in sorted((root / "app").rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                found.update(_literals(node))
    states = next(
        node.value
        for node in ast.parse((root / "app" / "words.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and [getattr(one, "id", "") for one in node.targets] == ["STATES"]
    )
    assert isinstance(states, ast.Dict)
    return found | {str(one.value) for one in states.values if isinstance(one, ast.Constant)}


def catalogues() -> list[str]:
    """Return the languages that have a catalogue."""
    return sorted(file.stem for file in LOCALES.glob("*.json") if re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", file.stem))


def read(language: str) -> dict[str, Any]:
    """Return a catalogue."""
    return json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8"))


def write(path: Path, content: Any) -> None:
    """Write JSON as it lies in the repository: sorted, one text a line."""
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def listed() -> Words:
    """Return the words of the repository: `browser` and `server`."""
    return json.loads(LIST.read_text(encoding="utf-8")) if LIST.is_file() else {"browser": [], "server": []}


def said(built: Path = BUILT) -> Words:
    """Return the words as the sources have them now; those of pages as the last build met them."""
    pages = sorted(json.loads(built.read_text(encoding="utf-8"))) if built.is_file() else listed()["browser"]
    return {"browser": pages, "server": sorted(words_of_handlers())}


def wrong_slots(language: str) -> list[str]:
    """Return the texts whose translation has a slot that the English text lacks."""
    bad: list[str] = []
    for text, translated in read(language).items():
        forms = translated.values() if isinstance(translated, dict) else [translated]
        bad += [text for form in forms if not set(SLOT.findall(form)) <= set(SLOT.findall(text))]
    return bad


def lacking(language: str, words: Words) -> list[str]:
    """Return the words that a catalogue lacks."""
    return sorted({*words["browser"], *words["server"]} - set(read(language)))


def main(argv: list[str]) -> int:
    """Run the command; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--prune", action="store_true")
    parser.add_argument("--missing", metavar="LANGUAGE")
    parser.add_argument("--add", nargs=2, metavar=("LANGUAGE", "FILE"))
    parser.add_argument("--built", type=Path, default=BUILT, help="words.json of a build elsewhere")
    asked = parser.parse_args(argv)
    words = said(asked.built)
    if asked.add:
        language, file = asked.add
        known = read(language) if (LOCALES / f"{language}.json").is_file() else {}
        write(LOCALES / f"{language}.json", known | json.loads(Path(file).read_text(encoding="utf-8")))
        return 0
    if asked.missing:
        for text in lacking(asked.missing, words):
            print(json.dumps(text, ensure_ascii=False))
        return 0
    status = 0
    if asked.check:
        stale = [kind for kind in words if words[kind] != listed()[kind]]
        if stale:
            print("app/locales/words.json is stale: run `python scripts/console_words.py`")
            status = 1
    else:
        write(LIST, words)
    for language in catalogues():
        known, missing = read(language), lacking(language, words)
        everything = {*words["browser"], *words["server"]}
        if asked.prune:
            write(LOCALES / f"{language}.json", {text: said for text, said in known.items() if text in everything})
        print(f"{language}: {len(everything) - len(missing)} of {len(everything)} words")
        for text in wrong_slots(language):
            print(f"  slots differ: {text!r}")
            status = 1
        if missing:
            print(f"  lacks {len(missing)}, like {missing[:5]}")
            status = status or int(asked.check)
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
