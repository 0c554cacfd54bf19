"""Tells tumours apart by logistic regression, fitted by stochastic gradient descent.

Reads payload/external/tumours.csv, whose rows are in ten parts (`fold`); each part is predicted from the nine others.
Writes output/predictions.csv. Nothing in it depends on time, place or chance: the rows are taken in their order.
"""

import csv
import math
import os
import statistics
import sys
from operator import mul
from pathlib import Path

POD = Path(__file__).absolute().parent.parent
EPOCHS = int(os.environ.get("SOVR_PARAM_EPOCHS", "30"))
RATE, DECAY, PENALTY = 0.05, 0.9, 1e-4


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
        weights = fit([scale(points[number]) for number in train], [known[number] == "malignant" for number in train])
        for number, other in enumerate(folds):
            if other == fold:
                score = sum(map(mul, weights, scale(points[number])))
                predicted[number] = "malignant" if score > 0 else "benign"

    output = POD / "output"
    output.mkdir(exist_ok=True)
    with open(output / "predictions.csv", "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([("row", "predicted"), *enumerate(predicted)])
    right = sum(guess == truth for guess, truth in zip(predicted, known))
    print(f"logistic regression: {right} of {len(rows)} tumours told right")


class Scale:
    """Puts every feature on the same scale: standard deviations from the mean of what was seen, with a 1 in front."""

    def __init__(self, points: "list[tuple[float, ...]]") -> None:
        columns = list(zip(*points))
        self.means = [statistics.fmean(column) for column in columns]
        self.deviations = [
            math.sqrt(statistics.fmean((x - mean) ** 2 for x in column)) or 1.0
            for column, mean in zip(columns, self.means)
        ]

    def __call__(self, point: "tuple[float, ...]") -> "tuple[float, ...]":
        return (1.0, *((x - mean) / deviation for x, mean, deviation in zip(point, self.means, self.deviations)))


def fit(points: "list[tuple[float, ...]]", malignant: "list[bool]") -> "list[float]":
    """Weights for a score that is above 0 where a tumour is more likely malignant."""
    weights = [0.0] * len(points[0])
    rate = RATE
    for _ in range(EPOCHS):
        for point, truth in zip(points, malignant):
            score = max(-30.0, min(30.0, sum(map(mul, weights, point))))
            step = rate * (truth - 1 / (1 + math.exp(-score)))
            shrunk = 1 - rate * PENALTY
            weights = [weight * shrunk + step * x for weight, x in zip(weights, point)]
        rate *= DECAY
    return weights


if not 0 < EPOCHS < 10_000:
    sys.exit(f"the parameter `epochs` is {EPOCHS}; it should be from 1 to 9999")
main()
