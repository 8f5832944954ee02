"""The form of inputs: texts are kept, files of FILE inputs go straight to internal storage (design detail 18)."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from flowdeck.api.forms import Form, Part
from flowdeck.model.errors import InvalidEntity, TooLarge
from flowdeck.services.creation import Creation
from flowdeck.storage.paths import input_path, uri_of

BATCH = 1024 * 1024
LONGEST_NAME = 200
"""Bytes of a stored file's name; file systems take 255."""


async def read_inputs(
    form: Form, creation: Creation, types: Mapping[str, str], *, keep_files: bool = True
) -> dict[str, Any]:
    """Input id → text, list of texts (repeated parts) or URI of the stored file.

    With `keep_files=False` (validation) a file's content is skipped and its place stands for it.
    """
    limit = creation.backend.config.max_part
    sent: dict[str, Any] = {}
    async for part in form:
        name = part.name
        if part.filename is not None and types.get(name) != "FILE" and types.get(part.filename) == "FILE":
            name = part.filename  # the other form: a part `files` whose file is named like the input
        if part.filename is not None and types.get(name) == "FILE":
            base = file_name(part.filename)
            path = input_path(creation.row["namespace"], creation.row["id"], creation.id, name, base)
            if keep_files:
                creation.files += 1
                if not await store(creation.backend, part, path):
                    raise InvalidEntity(f"Can't upload file: {name}")
            value: Any = uri_of(path)
        else:
            value = await part.text(limit)
            limit -= len(value)  # all texts together, not each: they are held in memory
        if name in sent:
            earlier = sent[name]
            sent[name] = [*earlier, value] if isinstance(earlier, list) else [earlier, value]
        else:
            sent[name] = value
    return sent


def file_name(sent: str) -> str:
    """The last part of a name that a client gave, fit for every file system: no folders, no control characters."""
    base = posixpath.basename(sent.replace("\\", "/"))
    base = "".join(c for c in base if c.isprintable()).strip()
    while len(base.encode("utf-8", "replace")) > LONGEST_NAME:
        stem, dot, extension = base.rpartition(".")
        # The extension says what the file is: the stem gives way first.
        base = f"{stem[:-1]}.{extension}" if dot and len(stem) > 1 and len(extension) < 20 else base[:-1]
    return "file" if base in ("", ".", "..") else base


async def store(backend: Any, part: Part, path: str, most: int | None = None) -> int:
    """Write a part's content to storage in pieces; the size in bytes. A broken upload leaves nothing.

    `TooLarge` beyond `most` bytes.
    """
    opened = backend.storage.open_write(path)
    writing = await backend.thread(opened.__enter__)
    size = 0
    try:
        batch: list[bytes] = []
        held = 0
        async for chunk in part.stream():
            batch.append(chunk)
            held += len(chunk)
            size += len(chunk)
            if most is not None and size > most:
                raise TooLarge(f"the part '{part.name}' may have at most {most:,} bytes")
            if held >= BATCH:
                data, batch, held = b"".join(batch), [], 0
                await backend.thread(lambda data=data: writing.write(data))
        if batch:
            data = b"".join(batch)
            await backend.thread(lambda: writing.write(data))
    except BaseException as error:
        failure = (type(error), error, error.__traceback__)
        await backend.thread(lambda: opened.__exit__(*failure))
        raise
    await backend.thread(lambda: opened.__exit__(None, None, None))
    return size
