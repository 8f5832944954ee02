"""Folders and flows kept the same, both ways (`micronaut.io.watch`, spec: operations G1)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from flowdeck.config import load_settings
from flowdeck.model.errors import NotFound
from flowdeck.services import flows
from flowdeck.services.backend import Backend
from flowdeck.services.caller import Caller
from flowdeck.services.local_flows import LocalFlows

CALLER = Caller("ada@example.com")


def source(flow_id: str, message: str = "hello") -> str:
    return (
        f"id: {flow_id}\nnamespace: company.team\ntasks:\n"
        f"  - {{id: say, type: io.kestra.plugin.core.log.Log, message: {message}}}\n"
    )


def write(path: Path, text: str) -> None:
    """Write so that the time of change is another one, whatever the file system's clock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    write.tick += 1  # type: ignore[attr-defined]
    os.utime(path, ns=(write.tick, write.tick))  # type: ignore[attr-defined]


write.tick = 1_000_000_000  # type: ignore[attr-defined]


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "first", tmp_path / "second"]
    for folder in found:
        folder.mkdir()
    return found


Steps = Callable[[Backend, LocalFlows, list[Path]], Coroutine[Any, Any, None]]


def carried_out(backend: Backend, folders: list[Path], steps: Steps) -> None:
    asyncio.run(steps(backend, LocalFlows(backend, folders), folders))


async def stored(backend: Backend, flow_id: str) -> dict[str, Any] | None:
    try:
        return await flows.get(backend, CALLER, "company.team", flow_id, source=True)
    except NotFound:
        return None


def test_a_start_brings_both_together(backend: Backend, folders: list[Path]) -> None:
    """Files become flows; flows without a file get one in the first folder."""

    async def steps(backend: Backend, local: LocalFlows, folders: list[Path]) -> None:
        await flows.save(backend, CALLER, source("elsewhere"))
        write(folders[1] / "deep" / "mine.yaml", source("mine"))
        write(folders[1] / ".git" / "config.yml", source("hidden"))
        write(folders[0] / "notes.txt", "id: x")
        await local.look()
        mine = await stored(backend, "mine")
        assert mine is not None
        assert mine["source"] == source("mine")
        assert (folders[0] / "main_company.team_elsewhere.yml").read_text() == source("elsewhere")
        assert sorted(path.name for path in folders[0].iterdir()) == ["main_company.team_elsewhere.yml", "notes.txt"]
        assert await stored(backend, "hidden") is None
        before = {path: path.stat().st_mtime_ns for path in folders[0].iterdir()}
        await local.look()
        assert before == {path: path.stat().st_mtime_ns for path in folders[0].iterdir()}
        assert (await stored(backend, "mine"))["revision"] == 1  # type: ignore[index]

    carried_out(backend, folders, steps)


def test_changes_of_files_reach_flows(backend: Backend, folders: list[Path]) -> None:
    """A change is a revision, another id another flow, a deletion a deletion; what is invalid changes nothing."""

    async def steps(backend: Backend, local: LocalFlows, folders: list[Path]) -> None:
        file = folders[0] / "a.yml"
        write(file, source("one"))
        await local.look()
        write(file, source("one", "again"))
        await local.look()
        assert (await stored(backend, "one"))["revision"] == 2  # type: ignore[index]
        write(file, "id: one\nnamespace: company.team\ntasks: 5\n")
        await local.look()
        assert (await stored(backend, "one"))["revision"] == 2  # type: ignore[index]
        write(file, "a: [")
        await local.look()
        write(file, source("two"))
        await local.look()
        assert await stored(backend, "one") is None
        assert await stored(backend, "two") is not None
        file.rename(folders[1] / "moved.yml")
        await local.look()
        assert await stored(backend, "two") is not None
        (folders[1] / "moved.yml").unlink()
        await local.look()
        assert await stored(backend, "two") is None
        assert not list(folders[0].iterdir())

    carried_out(backend, folders, steps)


def test_changes_of_flows_reach_files(backend: Backend, folders: list[Path]) -> None:
    """A revision is written into the flow's own file; a deletion deletes it."""

    async def steps(backend: Backend, local: LocalFlows, folders: list[Path]) -> None:
        file = folders[1] / "a.yml"
        write(file, source("one"))
        await local.look()
        await flows.save(backend, CALLER, source("one", "from the console"))
        await flows.save(backend, CALLER, source("new"))
        await local.look()
        assert file.read_text() == source("one", "from the console")
        made = folders[0] / "main_company.team_new.yml"
        assert made.read_text() == source("new")
        await flows.delete(backend, CALLER, "company.team", "new")
        await local.look()
        assert not made.exists()
        assert file.exists()
        await local.look()
        assert (await stored(backend, "one"))["revision"] == 2  # type: ignore[index]

    carried_out(backend, folders, steps)


def test_folders_are_needed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"micronaut\.io\.watch\.paths is needed"):
        load_settings(environment={"FLOWDECK_HOME": str(tmp_path), "MICRONAUT_IO_WATCH_ENABLED": "true"})
