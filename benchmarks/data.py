"""The data that is benchmarked: the same bytes for the same seed, made once and kept.

Nothing but the standard library. What is random comes from the Mersenne Twister of `random.Random`, whose
`randbytes` and `random` give the same sequence in every version of Python since 3.9.
"""

from __future__ import annotations

import math
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SEED = 20_240_601
"""Seed of every set, unless another is given."""

VERSION = 1
"""Stands in the folder names, so that a change of the generators never meets the data of older ones."""

SMALL_COUNT = 100_000
"""Files in the set of small files."""

FILES_PER_FOLDER = 100

SMALL_MEAN = 1_960
"""Mean size of a small file in bytes: with the count, about 196 MB."""

SMALL_SIGMA = 0.6
"""Spread of the logarithm of the sizes: nine in ten lie between 600 bytes and 4.4 kB."""

SMALL_LIMITS = (16, 1 << 16)
"""Smallest and largest small file, in bytes."""

LARGE_SIZE = 2 << 30
"""Bytes in the large file."""

BLOCK = 1 << 20
"""Bytes that are made, and in the edited file overwritten, at a time."""

INSERTED = 64 << 10
"""Bytes inserted into the middle of the edited file: everything after them moves."""

OVERWRITTEN = 0.01
"""Share of the blocks that are overwritten in the edited file."""

MIXED_COUNT = 200
"""Files in the mixed set."""

MIXED_LIMITS = (1_000_000, 20_000_000)
"""Smallest and largest mixed file, in bytes; log-uniform between them, so about 1.2 GB in all."""


LARGE_NAME = "large.bin"
"""Name of the large file and of the edited one."""


class DataSets(NamedTuple):
    """Where the sets lie. `large` and `edited` are folders with one file of the same name each."""

    small: Path
    large: Path
    edited: Path
    mixed: Path


def small_files(folder: Path, count: int = SMALL_COUNT, *, seed: int = SEED) -> Path:
    """Write `count` text-like files of log-normal size, a hundred to a folder.

    The text is made of words of a vocabulary, frequent ones more often, so that it compresses about as well as prose
    or source code and no two files share more than chance gives them.
    """
    rng = random.Random(f"{seed} small")
    words = _vocabulary(rng)
    mu = math.log(SMALL_MEAN) - SMALL_SIGMA**2 / 2
    smallest, largest = SMALL_LIMITS

    def write(target: Path) -> None:
        for number in range(count):
            parent = target / f"{number // FILES_PER_FOLDER:04}"
            if number % FILES_PER_FOLDER == 0:
                parent.mkdir(parents=True)
            size = min(largest, max(smallest, int(rng.lognormvariate(mu, SMALL_SIGMA))))
            # A word and its blank have more than four bytes on average, and what is too much is cut off.
            text = b" ".join(rng.choices(words, k=size // 4 + 8))
            while len(text) < size:
                text += b" " + rng.choice(words)
            (parent / f"{number % FILES_PER_FOLDER:02}.txt").write_bytes(text[:size])

    return _complete(folder, write)


def large_file(path: Path, size: int = LARGE_SIZE, *, seed: int = SEED) -> Path:
    """Write one file of `size` random, incompressible bytes."""
    rng = random.Random(f"{seed} large")

    def write(target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            for start in range(0, size, BLOCK):
                out.write(rng.randbytes(min(BLOCK, size - start)))

    return _complete(path, write)


def edited_file(path: Path, original: Path, *, seed: int = SEED) -> Path:
    """Write `original` with 64 KiB inserted in the middle and 1 % of its 1 MiB blocks (at least one) overwritten."""
    rng = random.Random(f"{seed} edited")
    blocks = math.ceil(original.stat().st_size / BLOCK)
    chosen = set(rng.sample(range(blocks), min(blocks, max(1, round(blocks * OVERWRITTEN)))))

    def write(target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        with original.open("rb") as source, target.open("wb") as out:
            for number in range(blocks):
                data = source.read(BLOCK)
                if number == blocks // 2:
                    out.write(rng.randbytes(INSERTED))
                out.write(rng.randbytes(len(data)) if number in chosen else data)

    return _complete(path, write)


def mixed_files(folder: Path, count: int = MIXED_COUNT, *, seed: int = SEED) -> Path:
    """Write `count` files of 1 to 20 MB, in turn random bytes and a column of hexadecimal numbers.

    The numbers compress to about 0.45 of their size, as tables of measurements do.
    """
    rng = random.Random(f"{seed} mixed")
    smallest, largest = MIXED_LIMITS

    def write(target: Path) -> None:
        target.mkdir(parents=True)
        for number in range(count):
            size = int(smallest * (largest / smallest) ** rng.random())
            if number % 2 == 0:
                data = rng.randbytes(size)
            else:
                # Four bytes become eight digits and a line feed.
                data = rng.randbytes(size // 9 * 4 + 8).hex("\n", -4).encode()[:size]
            (target / f"{number:03}.{('bin', 'txt')[number % 2]}").write_bytes(data)

    return _complete(folder, write)


def prepare(folder: Path, scale: float, sets: set[str]) -> DataSets:
    """Make what is missing of `sets` (small, large, edit, mixed) below `folder`.

    `scale` is the share of the full size: of the number of small and mixed files, and of the large file's bytes.
    """
    places = DataSets(*(folder / f"{name}-{scale:g}-v{VERSION}" for name in DataSets._fields))
    if "small" in sets:
        small_files(places.small, max(20, round(SMALL_COUNT * scale)))
    if sets & {"large", "edit"}:
        original = large_file(places.large / LARGE_NAME, max(2 * BLOCK, round(LARGE_SIZE * scale)))
        if "edit" in sets:
            edited_file(places.edited / LARGE_NAME, original)
    if "mixed" in sets:
        mixed_files(places.mixed, max(2, round(MIXED_COUNT * scale)))
    return places


def _complete(path: Path, write: Callable[[Path], None]) -> Path:
    """Let `write` make `path` under another name first, so that what has the right name is whole.

    What is there already is kept.
    """
    if path.exists():
        return path
    part = path.with_name(path.name + ".part")
    if part.is_dir():
        shutil.rmtree(part)
    write(part)
    return part.rename(path)


def _vocabulary(rng: random.Random) -> list[bytes]:
    """Words in which the n-th most frequent stands about 1/n times as often as the first, some with a line's end."""
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    weights = [26 - place for place in range(26)]
    words: list[bytes] = []
    for rank in range(1, 2001):
        word = "".join(rng.choices(letters, weights, k=rng.randint(2, 10)))
        end = ".\n" if rank % 9 == 0 else ""
        words += [(word + end).encode()] * max(1, 2000 // rank)
    return words
