"""Record the answers of the real daemon anew, in the fixtures that the devnet is held to.

python tests/real_golem/record.py YAGNA [TOPIC ...]
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "devnet" / "golem"))

from real_lab import RealGolem
from recorded_golem import FIXTURES, topics, written


def main(binary: str, *wanted: str) -> int:
    with tempfile.TemporaryDirectory() as folder, RealGolem(Path(binary), Path(folder)) as golem:
        for topic in wanted or topics():
            path = FIXTURES / f"{topic}.json"
            document = json.loads(path.read_text())
            head = {"about": document["about"], "daemon": golem.version, "recorded": f"{datetime.now(UTC):%F}"}
            for case, answers in zip(document["cases"], golem.replay(topic), strict=True):
                for step, answer in zip(case["steps"], answers, strict=True):
                    step["answer"] = answer
            path.write_text(written({**head, "cases": document["cases"]}))
            sys.stdout.write(f"{topic}: {len(document['cases'])} cases\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
