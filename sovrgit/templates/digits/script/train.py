"""Trains a small model on handwritten digits, and writes how well it does.

Reads payload/digits.csv.gz and payload/settings.json; writes output/metrics.json, output/predictions.csv and
output/confusion.png. Nothing in the output depends on time, place or chance, so that two runs with the same input
leave the same bytes.
"""

import json
import re
import sys
from pathlib import Path

POD = Path(__file__).absolute().parent.parent
DIGITS = range(10)

try:
    import numpy as np
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
    from sklearn.model_selection import train_test_split
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC
except ImportError as error:
    print(f"scikit-learn is needed and cannot be imported ({error})", file=sys.stderr)
    print("install it with: pip install 'sovrgit[digits]'", file=sys.stderr)
    sys.exit(3)

from chart import confusion_chart


class Settings(dict):
    """The settings; one that is missing ends the run with its name."""

    def __missing__(self, key: str) -> None:
        sys.exit(f"payload/settings.json: the setting `{key}` is missing")


def main() -> None:
    settings = Settings(json.loads((POD / "payload" / "settings.json").read_text(encoding="utf-8")))
    table = np.loadtxt(POD / "payload" / "digits.csv.gz", delimiter=",", dtype=np.int64)
    rows = np.arange(len(table))
    train, test = train_test_split(
        rows, test_size=settings["test_fraction"], random_state=settings["seed"], stratify=table[:, -1]
    )
    train, test = np.sort(train), np.sort(test)

    model = make_model(settings)
    print(f"training `{settings['model']}` on {len(train)} digits")
    model.fit(table[train, :-1], table[train, -1])
    actual, predicted = table[test, -1], model.predict(table[test, :-1])

    matrix = confusion_matrix(actual, predicted, labels=DIGITS).tolist()
    scores = f1_score(actual, predicted, labels=DIGITS, average=None, zero_division=0.0)
    accuracy = float(accuracy_score(actual, predicted))
    metrics = {
        "accuracy": round(accuracy, 6),
        "confusion": matrix,
        "f1": {str(digit): round(float(score), 6) for digit, score in zip(DIGITS, scores)},
        "settings": settings,
        "test_rows": len(test),
        "train_rows": len(train),
    }

    output = POD / "output"
    output.mkdir(exist_ok=True)
    write_text(output / "metrics.json", metrics_text(metrics))
    lines = [f"{row},{digit},{guess}" for row, digit, guess in zip(test, actual, predicted)]
    write_text(output / "predictions.csv", "\n".join(["row,digit,predicted", *lines]) + "\n")
    (output / "confusion.png").write_bytes(confusion_chart(matrix, f"ACCURACY {accuracy:.4f}"))
    print(f"accuracy {accuracy:.4f} on {len(test)} digits; the details are in output/")


def make_model(settings: Settings) -> "SVC | KNeighborsClassifier":
    """The model that the settings describe."""
    if settings["model"] == "svm":
        return SVC(C=settings["C"], gamma=settings["gamma"])
    if settings["model"] == "neighbours":
        return KNeighborsClassifier(n_neighbors=settings["neighbours"])
    sys.exit(f"payload/settings.json: `model` is `{settings['model']}`; it should be `svm` or `neighbours`")


def metrics_text(metrics: dict) -> str:
    """JSON with sorted keys, and each row of the matrix on one line."""
    text = json.dumps(metrics, indent=2, sort_keys=True)
    return re.sub(r"\[\s+([\d,\s]+?)\s+\]", lambda row: "[" + re.sub(r"\s+", " ", row[1]) + "]", text) + "\n"


def write_text(path: Path, text: str) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(text)


if __name__ == "__main__":
    main()
