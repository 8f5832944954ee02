"""Texts of the assistant: what a model wrote, and which parts of a document it did not mean to change (F70): pure."""

from __future__ import annotations

import re

import yaml

_FENCE = re.compile(r"```[a-zA-Z]*\s*\n(.*?)\n?```", re.DOTALL)
_THOUGHT = re.compile(r"<(think|thinking)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_TOP = re.compile(r"^([A-Za-z_][\w-]*)\s*:", re.MULTILINE)


def yaml_of(answer: str) -> str:
    """The YAML in a model's answer: thoughts, fences and words around it are taken away."""
    text = _THOUGHT.sub("", answer).strip()
    fenced = _FENCE.findall(text)
    return (max(fenced, key=len) if fenced else text).strip() + "\n"


def sections(source: str) -> tuple[str, list[tuple[str, str]]]:
    """(what stands before the first key, top-level keys with their text); comments belong to the key after them."""
    starts = [(m.group(1), m.start()) for m in _TOP.finditer(source)]
    places: list[tuple[str, int]] = []
    for name, start in starts:
        lines = source[:start].splitlines(keepends=True)
        while lines and (lines[-1].startswith("#") or not lines[-1].strip()) and places:
            start -= len(lines.pop())
        places.append((name, start))
    head = source[: places[0][1]] if places else source
    ends = [start for _, start in places[1:]] + [len(source)]
    return head, [(name, source[start:end]) for (name, start), end in zip(places, ends, strict=True)]


def restored(old: str, new: str) -> str:
    """`new` with each top-level section that means the same as in `old` written as it was, byte for byte."""
    try:
        before, after = yaml.safe_load(old), yaml.safe_load(new)
    except yaml.YAMLError:
        return new
    if not isinstance(before, dict) or not isinstance(after, dict):
        return new
    head, kept = sections(old)
    own_head, written = sections(new)
    texts = dict(kept)
    out = [
        texts[name] if name in texts and name in before and before[name] == after.get(name) else text
        for name, text in written
    ]
    parts = [head or own_head, *out]
    return "".join(part if part.endswith("\n") or not part else part + "\n" for part in parts)


__all__ = ["restored", "sections", "yaml_of"]
