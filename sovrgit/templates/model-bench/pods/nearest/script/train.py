"""Tells tumours apart by the vote of the nearest neighbours.

Reads payload/external/tumours.csv, whose rows are in ten parts (`fold`); each part is predicted from the nine others.
Writes output/predictions.csv. Nothing in it depends on time, place or chance.
"""

import csv
import math
import os
import statistics
import sys
from pathlib import Path

POD = Path(__file__).absolute().parent.parent
NEIGHBOURS = int(os.environ.get("SOVR_PARAM_NEIGHBOURS", "5"))


def main() -> None:
    with open(POD / "payload" / "external" / "tumours.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    folds = [row[0] for row in rows]
    known = [row[1] for row in rows]
    points = [tuple(map(float, row[2:])) for row in rows]

    predicted = [""] * len(rows)
    for fold in sorted(set(folds)):
        train = [number for number, other in enumerate(folds) if other != fold]
        scale = Scale([points[number] for number in train])
        scaled = [(scale(points[number]), known[number]) for number in train]
        for number, other in enumerate(folds):
            if other == fold:
                predicted[number] = vote(scaled, scale(points[number]))

    output = POD / "output"
    output.mkdir(exist_ok=True)
    with open(output / "predictions.csv", "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([("row", "predicted"), *enumerate(predicted)])
    right = sum(guess == truth for guess, truth in zip(predicted, known))
    print(f"{NEIGHBOURS} nearest neighbours: {right} of {len(rows)} tumours told right")


class Scale:
    """Puts every feature on the same scale: as far from the mean of what was seen, in standard deviations."""

    def __init__(self, points: "list[tuple[float, ...]]") -> None:
        columns = list(zip(*points))
        self.means = [statistics.fmean(column) for column in columns]
        self.deviations = [
            math.sqrt(statistics.fmean((x - mean) ** 2 for x in column)) or 1.0
            for column, mean in zip(columns, self.means)
        ]

    def __call__(self, point: "tuple[float, ...]") -> "tuple[float, ...]":
        return tuple((x - mean) / deviation for x, mean, deviation in zip(point, self.means, self.deviations))


def vote(known: "list[tuple[tuple[float, ...], str]]", point: "tuple[float, ...]") -> str:
    """What most of the nearest are; with as many for either, what the nearest one of them is."""
    nearest = sorted((math.dist(other, point), number) for number, (other, _) in enumerate(known))[:NEIGHBOURS]
    votes = [known[number][1] for _, number in nearest]
    return max(votes, key=votes.count)


if not 0 < NEIGHBOURS < 500:
    sys.exit(f"the parameter `neighbours` is {NEIGHBOURS}; it should be from 1 to 499")
main()
