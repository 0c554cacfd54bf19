"""From a recipe to a declared job: its tasks, what each is given, and what it may take and cost."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sovrgit.errors import PathNotFound
from sovrgit.pod.patterns import matcher
from sovrgit.pod.recipe import RECIPE_FILE, Golem, Recipe
from sovrgit.runs.golem.limits import Price, plain
from sovrgit.runs.golem.wrapper import BOX, WORK, environment, wrapper
from sovrgit.store.files import reporting

WORKERS = 5
"""Providers at the same time, if the recipe does not say."""

RETRIES = 2
TIMEOUT = 1800.0
"""Seconds for the whole job, if nobody says. Beyond 30 min providers want to be paid in between."""

MEMORY_GIB, STORAGE_GIB, THREADS = 0.5, 2.0, 1
MOST_TASKS = 10_000
HOLD, DEVNET_HOLD = 10.0, 2.0
"""Seconds from the first offer on in which others may offer, before a provider is taken that should be avoided. On the
devnet all are there at once."""

MOST_TEXT = 16 << 20
"""Bytes of standard output, and of standard error, that are kept of a task."""

_LEAST_JOB = 360.0
"""Seconds. Providers refuse demands that expire within 5 min; the executor ends shorter jobs itself."""

_MARGIN = 60.0
_DEPLOY = 900.0
"""Seconds for a provider to fetch the image and start it. A large one takes minutes when it is not there yet."""

_BREAKER = 5
_CENT = Decimal("0.0001")
_HASH = re.compile(r"(?:hash:)?(?:sha3:)?([0-9a-f]{56})(?::(https?://\S+))?")


@dataclass(frozen=True, slots=True)
class Image:
    """A virtual machine image: a tag, or the SHA3-224 of the file and, if it is known, its address."""

    tag: str = ""
    hash: str = ""
    url: str = ""

    @classmethod
    def parse(cls, text: str) -> Image:
        """What a recipe or a lock calls an image: a tag, a hash, or `hash:sha3:HASH:URL`."""
        found = _HASH.fullmatch(text.strip())
        return cls(tag=text.strip()) if found is None else cls(hash=found[1], url=found[2] or "")


@dataclass(frozen=True, slots=True)
class Task:
    """One task; `data` is the input that it is for, `inputs` are files that no other task is given."""

    id: str
    data: str = ""
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """A declared job with everything decided.

    Paths are relative to the pod. `command` keeps `[@]` for the folder of the job. `shared` are the files that every
    task is given. `seconds` is for all of it, `task_seconds` for a task, `patience` for how long nobody may be at work.
    Providers in `avoid` (ids) are taken only when nobody else has offered within `hold` seconds of
    the first offer, with `only_new` never.
    """

    image: Image
    command: tuple[str, ...]
    output: str
    folders: tuple[str, ...]
    shared: tuple[str, ...]
    tasks: tuple[Task, ...]
    prices: Price
    budget: Decimal
    network: str = "hoodi"
    subnet: str = "public"
    variables: Mapping[str, str] = field(default_factory=dict)
    workers: int = WORKERS
    retries: int = RETRIES
    memory_gib: float = MEMORY_GIB
    storage_gib: float = STORAGE_GIB
    threads: int = THREADS
    seconds: float = TIMEOUT
    task_seconds: float = TIMEOUT
    deploy_seconds: float = _DEPLOY
    patience: float = 90.0
    avoid: tuple[str, ...] = ()
    hold: float = HOLD
    only_new: bool = False
    invoice_seconds: float = 30.0

    @property
    def most_output(self) -> int:
        """Bytes that the output of a task may have: what was asked for as disk."""
        return int(self.storage_gib * (1 << 30))

    @property
    def worst_case(self) -> Decimal:
        """What it can cost at most, in GLM, if every provider asks for as much as the caps allow, to the end."""
        hours = Decimal(repr(self.seconds)) / 3600
        prices = self.prices
        return self.workers * (prices.start + (prices.hour + prices.cpu_hour * self.threads) * hours)

    def affordable(self) -> str:
        """Why the budget may not be enough; empty if it is in any case."""
        if self.worst_case <= self.budget:
            return ""
        return (
            f"{self.workers} providers for {self.seconds:g} s could cost {plain(self.worst_case.quantize(_CENT))} GLM "
            f"at the price caps, and the budget is {plain(self.budget)}"
        )


def make_job(
    recipe: Recipe,
    folder: Path,
    command: Sequence[str],
    *,
    prices: Price,
    budget: Decimal,
    network: str,
    subnet: str = "",
    image: Image | None = None,
    variables: Mapping[str, str] | None = None,
    seconds: float | None = None,
) -> Job:
    """The job that a recipe declares, with the files that are in a folder now.

    Args:
        command: what is run, `[@]` standing for the folder of the job.
        budget: the user's; the recipe's own can only lower it.
        subnet: the user's; the recipe's if it is empty.
        image: what the image was resolved to; as the recipe names it if None.
        variables: what the job finds in its environment, but for `SOVR_EACH`.
        seconds: the user's timeout; the recipe's if None.

    Raises:
        RecipeInvalid: if the recipe declares no job that can be run.
        PathNotFound: if an input is not there any more.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    golem = recipe.golem
    if golem is None or golem.run is None:
        raise recipe.invalid("golem.run", "is missing, so there is no declared job")
    if golem.image is None and image is None:
        raise recipe.invalid("golem.image", "is missing; a declared job names the image that it runs in")
    files = _inputs(folder, golem)
    tasks, shared = _tasks(recipe, golem, files)
    wanted = golem.resources
    time = seconds if seconds is not None else golem.timeout_seconds if golem.timeout_seconds is not None else TIMEOUT
    return Job(
        image=image or Image.parse(golem.image or ""),
        command=tuple(command),
        output=golem.output_folder,
        folders=(golem.output_folder, golem.log_folder, golem.payload_folder),
        shared=shared,
        tasks=tasks,
        prices=prices,
        budget=budget if golem.budget is None else min(budget, Decimal(golem.budget)),
        network=network,
        subnet=subnet or golem.subnet or "public",
        variables=dict(variables or {}),
        workers=min(wanted.workers or WORKERS, len(tasks)),
        retries=RETRIES if golem.retries is None else golem.retries,
        memory_gib=wanted.memory_gib or MEMORY_GIB,
        storage_gib=wanted.storage_gib or STORAGE_GIB,
        threads=wanted.threads or THREADS,
        seconds=time,
        task_seconds=min(time, golem.task_timeout_seconds or time),
    )


def write_plan(job: Job, folder: Path, scratch: Path) -> bytes:
    """The plan for the requestor; the archives that it names are written into an empty folder.

    Raises:
        PathNotFound: if an input is gone.
        StorageFull, ReadOnly, StorageFailure: as the operating system reports.
    """
    with reporting(scratch):
        _write_tar(scratch / "common.tar", folder, job.shared)
        (scratch / "wrapper").write_bytes(wrapper(job.command, job.output, job.folders, MOST_TEXT))
        for task in job.tasks:
            variables = {**job.variables, **({"SOVR_EACH": task.data} if task.data else {})}
            extra = {f"{BOX}/env": environment(variables)}
            _write_tar(scratch / f"task-{task.id}.tar", folder, task.inputs, extra)
        (scratch / "results").mkdir()
    image = {name: value for name in ("tag", "hash", "url") if (value := getattr(job.image, name))}
    plan: dict[str, Any] = {
        "version": 1,
        "image": image,
        "network": job.network,
        "driver": "erc20",
        "subnet": job.subnet,
        "budget": str(job.budget),
        "max_start": str(job.prices.start),
        "max_second": str(job.prices.hour / 3600),
        "max_cpu_second": str(job.prices.cpu_hour / 3600),
        "workers": job.workers,
        "memory_gib": job.memory_gib,
        "storage_gib": job.storage_gib,
        "threads": job.threads,
        "seconds": max(job.seconds + _MARGIN, _LEAST_JOB),
        "deploy_seconds": job.deploy_seconds,
        "task_seconds": job.task_seconds,
        "patience": job.patience,
        "avoid": list(job.avoid),
        "hold": job.hold,
        "only_new": job.only_new,
        "invoice_seconds": job.invoice_seconds,
        "attempts": job.retries + 1,
        "breaker": _BREAKER,
        "common": str(scratch / "common.tar"),
        "wrapper": str(scratch / "wrapper"),
        "scratch": str(scratch / "results"),
        "work": WORK,
        "output": job.output,
        "output_bytes": job.most_output,
        "text_bytes": MOST_TEXT,
        "tasks": [
            {"id": task.id, "data": task.data, "upload": str(scratch / f"task-{task.id}.tar")} for task in job.tasks
        ],
    }
    return json.dumps(plan).encode()


def _tasks(recipe: Recipe, golem: Golem, files: Sequence[str]) -> tuple[tuple[Task, ...], tuple[str, ...]]:
    """The tasks, and the files that they share."""
    if golem.each is None:
        return (Task("1"),), tuple(files)
    means = matcher(golem.each)
    own = [path for path in files if means(path) and not path.endswith("/")]
    if not own:
        raise recipe.invalid("golem.each", f"no input file matches `{golem.each}`, so there is nothing to do")
    if len(own) > MOST_TASKS:
        raise recipe.invalid("golem.each", f"`{golem.each}` matches {len(own)} files; {MOST_TASKS} are the most")
    tasks = tuple(Task(str(number), path, (path,)) for number, path in enumerate(own, 1))
    taken = set(own)
    return tasks, tuple(path for path in files if path not in taken)


def _inputs(folder: Path, golem: Golem) -> list[str]:
    """What is sent of a pod: recipe, scripts, payload. Folders end with a slash; sorted."""
    found: set[str] = set()
    for start in (RECIPE_FILE, golem.script_folder, golem.payload_folder):
        place = folder / start
        if not os.path.lexists(place):
            continue
        if place.is_symlink() or not place.is_dir():
            found.add(start)
            continue
        with reporting(place):
            for parent, folders, names in os.walk(place):
                inside = os.path.relpath(parent, folder)
                found.update(f"{inside}/{name}" for name in names)
                found.update(f"{inside}/{name}/" for name in folders if not os.path.islink(f"{parent}/{name}"))
                found.update(f"{inside}/{name}" for name in folders if os.path.islink(f"{parent}/{name}"))
    for output in (golem.output_folder, golem.log_folder):
        found = {path for path in found if path != output and not path.startswith(f"{output}/")}
    return sorted(found)


def _write_tar(target: Path, folder: Path, paths: Iterable[str], extra: Mapping[str, bytes] | None = None) -> None:
    """An archive that is the same whenever the files are: their names, bytes and executable bits, and nothing else."""
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape") as archive:
        for name, data in (extra or {}).items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for path in paths:
            _add(archive, folder, path)


def _add(archive: tarfile.TarFile, folder: Path, path: str) -> None:
    member = tarfile.TarInfo(path.rstrip("/"))
    place = folder / path
    try:
        about = place.lstat()
    except FileNotFoundError:
        raise PathNotFound(path=path, where="the pod") from None
    if stat.S_ISDIR(about.st_mode):
        member.type, member.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(member)
    elif stat.S_ISLNK(about.st_mode):
        member.type, member.linkname = tarfile.SYMTYPE, os.readlink(place)
        archive.addfile(member)
    elif stat.S_ISREG(about.st_mode):
        with reporting(place), place.open("rb") as file:
            about = os.fstat(file.fileno())
            member.size = about.st_size
            member.mode = 0o755 if about.st_mode & 0o100 else 0o644
            archive.addfile(member, file)
    # Sockets, pipes and devices are left out, as they are of commits.
