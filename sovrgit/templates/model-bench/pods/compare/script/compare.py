"""Compares models by what they took for malignant.

Reads payload/external/tumours.csv and the predictions.csv of every model in payload/external; writes
output/metrics.json, output/table.csv and output/errors.png. Nothing in the output depends on time, place or chance.
"""

import csv
import json
import sys
from pathlib import Path

from chart import error_chart

POD = Path(__file__).absolute().parent.parent
GIVEN = POD / "payload" / "external"


def main() -> None:
    truth = [row["diagnosis"] for row in read(GIVEN / "tumours.csv")]
    models = {path.parent.name: read(path) for path in sorted(GIVEN.glob("*/predictions.csv"))}
    if not models:
        sys.exit("no model has left a `predictions.csv`: name their pods in `needs`")
    metrics = {}
    for name, rows in models.items():
        if [row["row"] for row in rows] != [str(number) for number in range(len(truth))]:
            sys.exit(f"{name}/predictions.csv: there is not one prediction for each row of tumours.csv, in their order")
        metrics[name] = judge(truth, [row["predicted"] for row in rows])
    best = max(metrics, key=lambda name: (metrics[name]["accuracy"], -metrics[name]["missed"]))

    output = POD / "output"
    output.mkdir(exist_ok=True)
    document = {"best": best, "models": metrics, "rows": len(truth)}
    (output / "metrics.json").write_bytes((json.dumps(document, indent=2, sort_keys=True) + "\n").encode())
    with open(output / "table.csv", "w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["model", *metrics[best]])
        table.writerows([name, *values.values()] for name, values in metrics.items())
    bars = [(name, values["missed"], values["false_alarms"]) for name, values in metrics.items()]
    (output / "errors.png").write_bytes(error_chart(bars, f"WRONG OF {len(truth)} TUMOURS"))
    for name, values in metrics.items():
        print(
            f"{name:<12} {values['accuracy']:.4f} right, {values['missed']} missed, {values['false_alarms']} false alarms"
        )
    print(f"the best is {best}; the details are in output/")


def read(path: Path) -> "list[dict[str, str]]":
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def judge(truth: "list[str]", predicted: "list[str]") -> "dict[str, float]":
    """How often a model is right, and how it is wrong: a malignant tumour is missed, or a benign one taken for one."""
    pairs = list(zip(truth, predicted))
    missed = sum(was == "malignant" != said for was, said in pairs)
    false_alarms = sum(was != "malignant" == said for was, said in pairs)
    malignant = truth.count("malignant")
    return {
        "accuracy": round(1 - (missed + false_alarms) / len(pairs), 6),
        "sensitivity": round(1 - missed / malignant, 6),
        "specificity": round(1 - false_alarms / (len(pairs) - malignant), 6),
        "missed": missed,
        "false_alarms": false_alarms,
    }


main()
