"""The plan that the requestor is given, as it reads it; `sovrgit/runs/golem/jobs.py` writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

VERSION = 1


@dataclass(frozen=True)
class Task:
    """A task: `upload` is an archive of what it alone has, `data` what the user knows it by.

    How it is shown goes into logs, where no path of this machine belongs.
    """

    id: str
    data: str
    upload: str = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """Everything that is decided. Times are seconds, sizes bytes, prices and the budget GLM."""

    image: dict[str, str]
    network: str
    driver: str
    subnet: str
    budget: Decimal
    max_start: Decimal
    max_second: Decimal
    max_cpu_second: Decimal
    workers: int
    memory_gib: float
    storage_gib: float
    threads: int
    seconds: float
    deploy_seconds: float
    task_seconds: float
    patience: float
    avoid: frozenset[str]
    hold: float
    only_new: bool
    invoice_seconds: float
    attempts: int
    breaker: int
    common: str
    wrapper: str
    scratch: str
    work: str
    output: str
    output_bytes: int
    text_bytes: int
    tasks: tuple[Task, ...]

    @classmethod
    def read(cls, text: str) -> Plan:
        """The plan in a JSON document.

        Raises:
            ValueError: if it is of another version.
        """
        given: dict[str, Any] = json.loads(text)
        if given.pop("version") != VERSION:
            raise ValueError("the plan is of another version of sovr")
        given["tasks"] = tuple(Task(**one) for one in given["tasks"])
        given["avoid"] = frozenset(one.lower() for one in given["avoid"])
        for name in ("budget", "max_start", "max_second", "max_cpu_second"):
            given[name] = Decimal(given[name])
        return cls(**given)
