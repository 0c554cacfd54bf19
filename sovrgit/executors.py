"""Which executor a command gets, from what the user, the recipe and the record of an earlier run say.

Shared by the command line and by `sovrgit.api`. Like the library below, nothing here knows environment or terminal.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from sovrgit.errors import RecipeInvalid
from sovrgit.objects.receipts import mapping, text
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import RECIPE_FILE, Golem, parse_recipe
from sovrgit.store.files import reporting

if TYPE_CHECKING:
    from sovrgit.objects.run import Run
    from sovrgit.runs.executor import Executor
    from sovrgit.runs.golem.choice import Choice, Mode, Wish
    from sovrgit.runs.golem.jobs import Image

_AMOUNT = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,18})?")
"""As recipes write them: without exponents, and with as many digits behind the point as tokens have."""

Confirm = Callable[[str, str, Decimal], bool]
"""Asked for a typed yes before real money is spent: with the network, the token, and the amount."""


def wish_of(
    given: Wish, setting: Callable[[str], str | None], caps: Mapping[str, Decimal] = MappingProxyType({})
) -> Wish:
    """What the user wants: what was said now, and what the settings say where that says nothing.

    Args:
        setting: the value of a setting that counts; see `sovrgit.scopes`, which takes what spends money or names a
            program from the user's own settings only.
        caps: the highest prices, by `start`, `hour` and `cpu-hour`.

    Raises:
        ConfigInvalid: if a setting has a value without meaning.
    """
    from sovrgit.runs.golem.choice import PLACES
    from sovrgit.runs.golem.limits import Price

    named = setting("run.on")
    place = given.on or next((one for one in PLACES if one == named), None)
    # A network that is named now says more than a setting about where to run in general.
    if given.on is None and given.network:
        place = None
    chosen = setting("golem.python")
    python = given.python or (Path(chosen) if chosen else None)
    prices = []
    for name, usual, default in (
        ("start", given.caps.start, setting("golem.price.start")),
        ("hour", given.caps.hour, setting("golem.price.hour")),
        ("cpu-hour", given.caps.cpu_hour, setting("golem.price.cpu-hour")),
    ):
        cap = caps.get(name)
        cap = _amount(default) if cap is None else cap
        prices.append(usual if cap is None else cap)
    return replace(
        given,
        on=place,
        known_network=setting("golem.network") or "",
        budget=given.budget if given.budget is not None else _amount(setting("golem.budget")),
        caps=Price(*prices),
        python=python.expanduser() if python is not None else None,
    )


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else parse_amount(text)


def parse_amount(text: str) -> Decimal:
    """An amount of tokens.

    Raises:
        ValueError: if it is none.
    """
    if not _AMOUNT.fullmatch(text.strip()):
        raise ValueError(f"`{text}` is not an amount of tokens, such as 0.5")
    return Decimal(text.strip())


def executor_for(
    pod: Pod,
    wish: Wish,
    environ: Mapping[str, str],
    devnet: Callable[[], tuple[str, Path] | None],
    confirm: Confirm,
    *,
    timeout: float | None = None,
    recorded: Run | None = None,
) -> tuple[Executor, Choice]:
    """The executor for a pod as it is on disk, or for repeating a recorded run, and how it was chosen.

    Args:
        environ: the user's own: where the daemon is, its key, and `gftp`.
        devnet: finds the devnet that runs: its address and folder.
        timeout: seconds; the recipe's if None.
        recorded: the run that is to be repeated: where that was is where it is repeated, if the user says nothing else.

    Raises:
        SpendingRefused: if the user has not said enough to spend anything.
    """
    from sovrgit.runs.golem.choice import Choice, choose, spending
    from sovrgit.runs.local import LocalExecutor

    if recorded is not None:
        golem = _recorded_recipe(pod, recorded)
        choice = _again(recorded, wish, golem)
    else:
        golem = _recipe(pod.root)
        choice = Choice("local", "") if golem is None else choose(golem, pod.root, wish)
    if choice.place == "local" or golem is None:
        return LocalExecutor(), choice
    from sovrgit.runs.golem.executor import GolemExecutor
    from sovrgit.runs.golem.session import Around

    limit = timeout if timeout is not None else golem.timeout_seconds
    return GolemExecutor(
        choice,
        spending(choice.place, golem, wish, limit, confirm),
        Around(environ, pod.folder / "golem", devnet, golem.devnet_images),
        wish.python or _own_python(),
        wish.subnet or golem.subnet or "",
        _locked(pod, golem, recorded, real=choice.place == "golem"),
    ), choice


def _locked(pod: Pod, golem: Golem, recorded: Run | None, *, real: bool) -> Image | None:
    """The image that a recipe names by its hash, or that its tag was locked to; None if neither is so.

    A run that is repeated on Golem and had no lock gets the image that its record says it had: its tag may have been
    moved since. On the devnet hashes are not those of images.
    """
    from sovrgit.lockfile import locked_image
    from sovrgit.runs.golem.jobs import Image

    if golem.image is None:
        return None
    if recorded is None:
        return locked_image_of(pod.root, golem)
    found = locked_image(pod.store, recorded.input, golem.image)
    if found is not None:
        return Image(hash=found.sha3_224, url=found.url)
    named = Image.parse(golem.image)
    if not named.hash and real and recorded.golem.get("emulated") is not True:
        had = mapping(recorded.golem.get("image"))
        named = Image.parse(":".join(filter(None, (text(had.get("hash")), text(had.get("url"))))))
    return named if named.hash else None


def locked_image_of(folder: Path, golem: Golem) -> Image | None:
    """The same for a recipe whose pod has its files in a folder."""
    from sovrgit.lockfile import read_lock
    from sovrgit.runs.golem.jobs import Image

    if golem.image is None:
        return None
    lock = read_lock(folder)
    found = lock.images.get(golem.image.strip()) if lock is not None else None
    if found is not None:
        return Image(hash=found.sha3_224, url=found.url)
    # A hash needs no lock.
    named = Image.parse(golem.image)
    return named if named.hash else None


def _own_python() -> Path | None:
    """The interpreter that runs this, if it has yapapi."""
    return Path(sys.executable) if importlib.util.find_spec("yapapi") is not None else None


def _recipe(root: Path) -> Golem | None:
    """How the pod on disk runs; None if that cannot be told, which is reported when it is to be run."""
    with reporting(root / RECIPE_FILE):
        try:
            return parse_recipe((root / RECIPE_FILE).read_bytes()).golem
        except (FileNotFoundError, RecipeInvalid):
            return None


def _recorded_recipe(pod: Pod, run: Run) -> Golem | None:
    from sovrgit.runs.inputs import read_recipe

    return read_recipe(pod.store, run.input)[1].golem


def _again(run: Run, wish: Wish, golem: Golem | None) -> Choice:
    """Where a run is repeated, and how."""
    from sovrgit.runs.golem.choice import Choice, mode_of

    name = run.executor.get("name")
    place = wish.on or ("golem" if wish.network or name == "golem" else "devnet" if name == "devnet" else "local")
    if golem is None or place == "local":
        return Choice("local", "")
    # The record knows better than the recipe: where a recipe allows two ways, they may give two results.
    recorded = run.executor.get("mode")
    mode: Mode = "script" if recorded == "script" else "declared" if recorded == "declared" else mode_of(golem)
    return Choice(place, mode, needs_python=mode == "declared" or bool(run.golem.get("sdk")))
