"""What all activities share, and what is left of those of an earlier process."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import NamedTuple

from sovrgit.devnet.golem.batches import Allowance
from sovrgit.devnet.golem.faults import Faults
from sovrgit.devnet.golem.images import Images
from sovrgit.devnet.golem.published import Published
from sovrgit.devnet.golem.sandbox import Sandbox
from sovrgit.devnet.golem.world import World


class Tools(NamedTuple):
    """What all activities need."""

    world: World
    sandbox: Sandbox
    published: Published
    faults: Faults
    folder: Path
    allowance: Allowance
    images: Images


def clear(folder: Path) -> None:
    """Remove what activities of an earlier process have left behind."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700)
