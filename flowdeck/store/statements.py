"""Statement texts: one form for both databases (`:name` or `?`), translated for psycopg and cached."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=4096)
def translate(text: str) -> str:
    """Turn `:name` and `?` into psycopg's placeholders; literals and `::` casts stay as they are."""
    out: list[str] = []
    i, n = 0, len(text)
    while i < n:
        c = text[i]
        if c in "'\"":
            end = text.find(c, i + 1)
            end = n - 1 if end < 0 else end
            out.append(text[i : end + 1].replace("%", "%%"))
            i = end + 1
        elif c == "-" and text.startswith("--", i):
            end = text.find("\n", i)
            i = n if end < 0 else end
        elif c == "?":
            out.append("%s")
            i += 1
        elif c == ":" and text.startswith("::", i):
            out.append("::")
            i += 2
        elif c == ":" and i + 1 < n and (text[i + 1].isalpha() or text[i + 1] == "_"):
            end = i + 1
            while end < n and (text[end].isalnum() or text[end] == "_"):
                end += 1
            out.append(f"%({text[i + 1 : end]})s")
            i = end
        else:
            out.append("%%" if c == "%" else c)
            i += 1
    return "".join(out)


def params_of(args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    if not args:
        return named
    if len(args) == 1 and isinstance(args[0], (tuple, list, dict)):
        return args[0]
    return args


@lru_cache(maxsize=512)
def insert_text(table: str, columns: tuple[str, ...], returning: str | None) -> str:
    values = ", ".join(f":{c}" for c in columns)
    text = f'insert into "{table}" ({", ".join(f"{chr(34)}{c}{chr(34)}" for c in columns)}) values ({values})'
    return f'{text} returning "{returning}"' if returning else text
