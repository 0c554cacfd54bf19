"""Feeds every decoder with spoiled bytes, for as long as is said.

    python tests/fuzz/run.py [--seconds N] [--target NAME] [--seed N] [--keep FOLDER]

A decoder may refuse with a `SovrError` and nothing else, in bounded time and memory, and what it takes comes out again
as the same bytes. An input that shows otherwise is written to `tests/fuzz/found/`, from where every test run reads it.
With `atheris` installed and `--atheris`, coverage guides the mutations.
"""

from __future__ import annotations

import argparse
import faulthandler
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from random import Random

from blake3 import blake3
from mutations import mutated
from targets import Target, make_targets

from sovrgit.errors import SovrError

FOUND = Path(__file__).parent / "found"
MEMORY = 2 << 30
"""Bytes of address space for everything."""

SLOW = 2.0
"""Seconds of a processor that no input of a mebibyte may take."""


def try_one(target: Target, data: bytes) -> None:
    """Read some bytes.

    Raises:
        Exception: of a kind that no user should see, or if it took too long.
    """
    before = signal.signal(signal.SIGPROF, _too_slow)
    signal.setitimer(signal.ITIMER_PROF, SLOW)
    try:
        target.check(data)
    except SovrError as error:
        assert str(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _too_slow(number: int, frame: object) -> None:
    raise TimeoutError(f"more than {SLOW} s")


def inputs(target: Target, random: Random) -> Iterator[bytes]:
    """Seeds, and what becomes of them: changes upon changes, for a while."""
    while True:
        data = random.choice(target.seeds)
        for _ in range(random.randint(1, 3)):
            data = mutated(data, random, target.seeds)
            yield data
            yield target.mend(data)


def fuzz(name: str, target: Target, seconds: float, random: Random, keep: Path) -> tuple[int, int]:
    """Try inputs for some time; how many there were, and how many of them showed something new."""
    count, seen = 0, set()
    deadline = time.monotonic() + seconds
    for data in inputs(target, random):
        if time.monotonic() >= deadline:
            break
        count += 1
        try:
            try_one(target, data)
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            place = (type(error).__name__, at.filename, at.lineno)
            if place not in seen:
                seen.add(place)
                keep.mkdir(parents=True, exist_ok=True)
                path = keep / f"{name.replace(' ', '-')}-{blake3(data).hexdigest()[:10]}"
                path.write_bytes(data)
                sys.stderr.write(f"{name}: {type(error).__name__}: {str(error)[:200]} at {at.filename}:{at.lineno}\n")
                sys.stderr.write(f"  {path}\n")
    return count, len(seen)


def guided(target: Target, seconds: float) -> None:
    """The same with atheris (https://github.com/google/atheris), which ends the process at the first find."""
    import atheris

    atheris.instrument_all()
    atheris.Setup([sys.argv[0], f"-max_total_time={int(seconds)}"], lambda data: try_one(target, data))
    atheris.Fuzz()


def main() -> int:
    """Fuzz; 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--target")
    parser.add_argument("--seed", type=int, default=time.time_ns())
    parser.add_argument("--keep", type=Path, default=FOUND)
    parser.add_argument("--atheris", action="store_true")
    options = parser.parse_args()
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    random, found = Random(options.seed), 0
    with tempfile.TemporaryDirectory() as folder:
        targets = make_targets(Path(folder))
        names = [options.target] if options.target else list(targets)
        for name in names:
            if options.atheris:
                guided(targets[name], options.seconds / len(names))
                continue
            count, more = fuzz(name, targets[name], options.seconds / len(names), random, options.keep)
            found += more
            sys.stdout.write(f"{name}: {count:,} inputs, {more} found\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
