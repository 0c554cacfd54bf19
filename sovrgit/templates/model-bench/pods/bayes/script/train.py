"""Tells tumours apart by Gaussian naive Bayes: as if every feature of either kind were normally distributed.

Reads payload/external/tumours.csv, whose rows are in ten parts (`fold`); each part is predicted from the nine others.
Writes output/predictions.csv. Nothing in it depends on time, place or chance.
"""

import csv
import math
import statistics
from pathlib import Path

POD = Path(__file__).absolute().parent.parent


def main() -> None:
    with open(POD / "payload" / "external" / "tumours.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    folds = [row[0] for row in rows]
    known = [row[1] for row in rows]
    points = [tuple(map(float, row[2:])) for row in rows]

    predicted = [""] * len(rows)
    for fold in sorted(set(folds)):
        train = [number for number, other in enumerate(folds) if other != fold]
        kinds = {
            kind: Normal([points[number] for number in train if known[number] == kind], len(train))
            for kind in sorted(set(known))
        }
        for number, other in enumerate(folds):
            if other == fold:
                predicted[number] = max(kinds, key=lambda kind: kinds[kind].likelihood(points[number]))

    output = POD / "output"
    output.mkdir(exist_ok=True)
    with open(output / "predictions.csv", "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([("row", "predicted"), *enumerate(predicted)])
    right = sum(guess == truth for guess, truth in zip(predicted, known))
    print(f"naive Bayes: {right} of {len(rows)} tumours told right")


class Normal:
    """How the features of one kind are distributed, and how common that kind is among `total`."""

    def __init__(self, points: "list[tuple[float, ...]]", total: int) -> None:
        columns = list(zip(*points))
        self.prior = math.log(len(points) / total)
        self.means = [statistics.fmean(column) for column in columns]
        self.variances = [
            statistics.fmean((x - mean) ** 2 for x in column) + 1e-12 for column, mean in zip(columns, self.means)
        ]

    def likelihood(self, point: "tuple[float, ...]") -> float:
        """The logarithm of the probability of a point of this kind, but for what is the same for all kinds."""
        return self.prior - 0.5 * sum(
            math.log(variance) + (x - mean) ** 2 / variance
            for x, mean, variance in zip(point, self.means, self.variances)
        )


main()
