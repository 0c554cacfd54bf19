"""Every hostile thing in the gallery gets the answer that it must get, and nothing else happens."""

from __future__ import annotations

import subprocess
from pathlib import Path

import hostile_bombs
import hostile_bundles
import hostile_manifests
import hostile_names
import hostile_objects
import hostile_packs
import hostile_pods
import pytest
from world import COMMANDS, MOST_MEMORY, Said, State, Visitor, World

FAMILIES = {
    "objects": hostile_objects,
    "names": hostile_names,
    "manifests": hostile_manifests,
    "packs": hostile_packs,
    "bombs": hostile_bombs,
    "bundles": hostile_bundles,
    "pods": hostile_pods,
}
SPECIMENS = {
    f"{family}: {specimen.name}": specimen for family, module in FAMILIES.items() for specimen in module.SPECIMENS
}


def typed(answer: str) -> tuple[tuple[str, ...], int]:
    """A command line and the exit code that it is to end with, as specimens write it."""
    words, _, code = answer.rpartition(" ")
    return COMMANDS.get(words) or tuple(words.split(" ")), int(code)


@pytest.mark.parametrize("name", SPECIMENS)
def test_gallery(name: str, visitor: Visitor, template: Path, tmp_path: Path) -> None:
    specimen = SPECIMENS[name]
    world = World(tmp_path, template)
    specimen.make(world)
    around = world.surroundings()
    for answer in specimen.answers.split(", "):
        arguments, code = typed(answer)
        around = visit(world, visitor, arguments, code, around)


def visit(world: World, visitor: Visitor, arguments: tuple[str, ...], code: int, around: State) -> State:
    """Run a command, and look at everything that it should have left alone; the state afterwards."""
    before = world.pod_state() if code > 1 else {}
    said = visitor(world.root, *arguments)
    assert said.code == code, (arguments, said)
    well_behaved(said)
    found = after = world.surroundings()
    if arguments[0] == "push" and code == 0:
        around, after = (
            {key: value for key, value in state.items() if key[:5] != "there"} for state in (around, after)
        )
    assert after == around, arguments
    if code > 1:
        assert world.pod_state() == before, arguments
    if arguments[0] in ("clone", "fork"):
        new = world.folder / "new"
        assert new.exists() == (code == 0), arguments
        if code == 0:
            # Python's own way to remove folders is recursive.
            subprocess.run(["rm", "-rf", new], check=True)
    return found


def well_behaved(said: Said) -> None:
    assert said.started == [], said
    assert said.memory < MOST_MEMORY, said
    assert "Traceback" not in said.err, said
