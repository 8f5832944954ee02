"""A secret is not readable in any usual encoding (spec: quality §3.2)."""

from __future__ import annotations

import base64
import json
import shlex
import urllib.parse

import pytest

from flowdeck.model.masking import ENCRYPTED, MASK, Masker, opened

SECRET = "p4ss'Wörd+/ & \"x\\y"


@pytest.mark.parametrize("before", ["", "u", "me", "me:", "user:", "\0\0\0\0"])
@pytest.mark.parametrize("behind", ["", "1", "22", ":333"])
def test_base64_hides_it_wherever_it_starts(before: str, behind: str) -> None:
    masker = Masker()
    masker.add(SECRET)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        shown = masker.text(encode(f"{before}{SECRET}{behind}".encode()).decode())
        assert MASK in shown
        assert len(shown.replace(MASK, "")) <= len(before) * 2 + len(behind) * 2 + 8


def test_the_encodings_of_programs_hide_it() -> None:
    masker = Masker()
    masker.add(SECRET)
    for text in (
        SECRET,
        SECRET.upper(),
        SECRET.lower(),
        json.dumps(SECRET),
        json.dumps(json.dumps(SECRET)),
        json.dumps(SECRET, ensure_ascii=False),
        urllib.parse.quote(SECRET),
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote_plus(SECRET),
        shlex.quote(SECRET),
        repr(SECRET),
        SECRET.encode().hex(),
    ):
        shown = masker.text(f"before {text} behind")
        assert MASK in shown and "p4ss" not in shown.lower() and "70347373" not in shown, text
        assert shown.startswith("before ") and shown.endswith(" behind")


def test_a_short_secret_masks_only_itself() -> None:
    masker = Masker()
    masker.add("ab")
    assert masker.text("ab AB YWI= about") == f"{MASK} AB YWI= {MASK}out"
    assert not masker.told


def test_a_sealed_value_is_whole_for_those_who_may_read_it() -> None:
    """Quality §3.1: encrypted as stored, masked as shown, itself when opened, with the secrets in it."""
    masker = Masker()
    masker.add("hush-token")
    given = {"a": "x", "b": "y HUSH-TOKEN z", "c": {"d": ["hush-token", 1]}, "n": None, "e": {"hush-token": 1}}
    kept: list[str] = []

    def wrap(text: str) -> dict[str, str]:
        kept.append(text)
        return {"type": ENCRYPTED, "value": f"cipher {len(kept) - 1}"}

    sealed = masker.seal(given, wrap)
    assert "hush" not in str(sealed).lower()
    assert sealed["a"] == "x" and sealed["n"] is None
    assert sealed["b"]["shown"] == "y ****** z"
    assert sealed["c"]["d"]["shown"] == ["******", 1]
    assert sealed["e"]["shown"] == {"******": 1}
    told: list[str] = []
    assert [opened(text, told.append) for text in kept] == [given["b"], given["c"]["d"], given["e"]]
    assert set(told) == {"hush-token"}
    assert masker.seal(given, None) == masker.value(given)
    short = Masker()
    short.add("pw1")
    kept.clear()
    assert short.seal("x pw1", wrap)["shown"] == "x ******" and opened(kept[0], told.append) == "x pw1"
    assert "pw1" in told  # whoever opens it masks it again
    assert Masker().seal(given, wrap) is given
