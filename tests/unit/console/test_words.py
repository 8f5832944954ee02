"""Words of the console's state: languages, plurals, fall-back; what the catalogues hold (UI-A11-05)."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import words
from app.words import category, choose, later, say, say_count, speak, spoken, state_word

ROOT = Path(__file__).resolve().parents[3]
_spec = importlib.util.spec_from_file_location("console_words", ROOT / "scripts" / "console_words.py")
assert _spec and _spec.loader
console_words = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(console_words)


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    speak("en")


def test_english_is_the_text_itself_and_loads_nothing() -> None:
    assert say("File saved") == "File saved"
    assert words.catalogue("en") == {}
    assert later("Retry") == "Retry"


def test_a_word_that_a_catalogue_lacks_falls_back_alone() -> None:
    """UI-A11-05: missing words fall back to English one by one."""
    speak("de")
    assert say("File saved") == "Datei gespeichert"
    assert say("No catalogue will ever have {this}", this="flow") == "No catalogue will ever have flow"


def test_slots_take_data_as_it_is() -> None:
    """Data of users is put in, never looked up and never taken for a slot."""
    speak("de")
    assert say("{key} in {namespace}", key="Flows", namespace="{key}") == "Flows in {key}"
    assert say("A list of {type, values}, no slots") == "A list of {type, values}, no slots"


def test_plurals_follow_the_language(monkeypatch: pytest.MonkeyPatch) -> None:
    assert say_count(1, "{n} key", "{n} keys", n=1) == "1 key"
    assert say_count(0, "{n} key", "{n} keys", n=0) == "0 keys"
    speak("fr")
    assert say_count(0, "{n} key", "{n} keys", n=0) == "0 clé"  # French counts nothing as one
    forms = {"one": "{n} klucz", "few": "{n} klucze", "many": "{n} kluczy", "other": "{n} klucza"}
    monkeypatch.setattr(words, "catalogue", lambda _: {"{n} keys": forms})
    speak("pl")
    said = [say_count(n, "{n} key", "{n} keys", n=n) for n in (1, 2, 5, 12, 22)]
    assert said == ["1 klucz", "2 klucze", "5 kluczy", "12 kluczy", "22 klucze"]


@pytest.mark.parametrize(
    ("language", "count", "expected"),
    [("ru", 21, "one"), ("ru", 11, "many"), ("pl", 21, "many"), ("ja", 1, "other"), ("de", 1, "one"), ("de", 0, "other")],
)  # fmt: skip
def test_categories_are_those_of_cldr(language: str, count: int, expected: str) -> None:
    assert category(language, count) == expected


def test_a_counted_text_without_its_number_has_the_form_for_most_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = {"one": "{n} wiersz", "few": "{n} wiersze", "many": "{n} wierszy", "other": "{n} wiersza"}
    monkeypatch.setattr(words, "catalogue", lambda _language: {"{n} rows": forms, "{n} keys": {"other": "{n} kluczy"}})
    speak("pl")
    assert say("{n} rows", n=500) == "500 wierszy"
    assert say("{n} keys", n=500) == "500 kluczy"


def test_numbers_have_the_marks_of_the_language() -> None:
    assert spoken(1234567) == "1,234,567"
    speak("de")
    assert spoken(1234.5, 1) == "1.234,5"


def test_states_have_words() -> None:
    speak("de")
    assert state_word("FAILED") == "Fehlgeschlagen"
    assert state_word("WAITS_FOR_RAIN") == "Waits for rain"


@pytest.mark.parametrize(
    ("chosen", "accepted", "expected"),
    [
        ("", "", "en"),
        ("de", "fr", "de"),
        ("", "fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("", "xx,de-AT;q=0.5", "de"),
        ("xx", "de", "de"),
        ("../../secret", "", "en"),
    ],
)
def test_the_readers_choice_comes_before_the_browsers(chosen: str, accepted: str, expected: str) -> None:
    """UI-ST-01: the language of the settings, else the browser's, else English."""
    assert choose(chosen, accepted) == expected


@pytest.mark.parametrize("language", console_words.catalogues())
def test_translations_have_the_slots_of_the_english_text(language: str) -> None:
    assert console_words.wrong_slots(language) == []


@pytest.mark.parametrize("language", console_words.catalogues())
def test_operators_of_conditions_stay_apart(language: str) -> None:
    """Conditions are written as text with these words and read again: each means one operator, in lower case."""
    source = (ROOT / "components" / "filter_words.jsx").read_text(encoding="utf-8")
    table = re.search(r"WORDS = \{(.*?)\}", source)
    assert table
    english = re.findall(r': "([^"]+)"', table[1])
    said = [words.catalogue(language).get(one, one) for one in english]
    assert len(set(said)) == len(english) > 10
    assert [one for one in said if one != one.lower()] == []
    example = "state in FAILED, WARNING and namespace within company"
    shown = words.catalogue(language).get(example, example)
    assert all(f" {words.catalogue(language).get(one, one)} " in shown for one in ("in", "within"))
    assert " and " in shown  # the parser's own, like "text"


@pytest.mark.parametrize("language", console_words.catalogues())
def test_no_word_is_missing(language: str) -> None:
    """UI-A11-05: missing keys fail the build check. `scripts/console_words.py --missing` prints them."""
    assert console_words.lacking(language, console_words.listed()) == []


def test_the_list_knows_the_words_of_handlers() -> None:
    """`python scripts/console_words.py` renews the list."""
    assert console_words.listed()["server"] == sorted(console_words.words_of_handlers())


def test_words_of_states_are_listed() -> None:
    assert set(words.STATES.values()) <= set(console_words.listed()["server"])


def test_catalogues_are_sorted() -> None:
    for language in console_words.catalogues():
        texts = list(json.loads((console_words.LOCALES / f"{language}.json").read_text(encoding="utf-8")))
        assert texts == sorted(texts)


TOLD = {"toast": 2, "api": 1, "fail": 2, "Problem": 1}
"""Calls whose first arguments the reader sees."""


def _untold(file: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for given in node.args[: TOLD.get(name, 0)]:
            parts = given.values if isinstance(given, ast.JoinedStr) else [given]
            text = " ".join(str(one.value) for one in parts if isinstance(one, ast.Constant))
            if re.search(r"[A-Za-z]{3}", text):
                found.append(f"{file.name}:{given.lineno}: {text.strip()}")
    return found


def test_what_handlers_tell_goes_through_say() -> None:
    """Toasts and problems are said in the reader's language."""
    pages = [file for file in (ROOT / "app").rglob("*.py") if file.name != "gallery.py"]
    assert [one for file in pages for one in _untold(file)] == []
