from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines.same_process import call_here, same_process
from tests.stories.tiny_room import STAGES, TinyRoom, make_tiny_room

__all__ = ["same_process"]


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[TinyRoom]:
    """The room imported, nothing said yet."""
    room = make_tiny_room(tmp_path)
    yield room
    room.context.close()


@pytest.fixture(scope="session")
def played_homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One play, and the folder as it lay on disk after each stage."""
    folder = tmp_path_factory.mktemp("tiny") / "room"
    with pytest.MonkeyPatch.context() as patch:
        call_here(patch)
        room, homes = make_tiny_room(folder), {}
        for step in room.steps():
            assert step.ok, step.words
            for name, recognises in STAGES.items():
                if recognises(step):
                    homes[name] = folder.with_name(name)
                    shutil.copytree(folder, homes[name], dirs_exist_ok=True)
        room.context.close()
    return homes


@pytest.fixture
def at(played_homes: dict[str, Path], tmp_path: Path) -> Iterator[Callable[[str], TinyRoom]]:
    """`at("quarantined")`: a room of its own that has come this far."""
    opened: list[TinyRoom] = []

    def open_at(stage: str) -> TinyRoom:
        folder = tmp_path / f"{stage}-{len(opened)}"
        shutil.copytree(played_homes[stage], folder)
        opened.append(TinyRoom.open(folder))
        return opened[-1]

    yield open_at
    for room in opened:
        room.context.close()
