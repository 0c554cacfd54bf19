"""Make payload/model.json and payload/images anew. It needs scikit-learn, and is not part of the job.

The data are the digits that come with scikit-learn. Every tenth of them is kept away from the training; of these, the
first of each digit becomes an image.
"""

import json
import struct
import zlib
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

PAYLOAD = Path(__file__).resolve().parent.parent / "payload"
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SCALE, ZOOM = 1000, 8


def main():
    data, digits = load_digits(return_X_y=True)
    kept = [index for index in range(len(data)) if index % 10 == 0]
    taught = [index for index in range(len(data)) if index % 10]
    model = LogisticRegression(C=0.01, max_iter=5000).fit(data[taught], digits[taught])
    print(f"accuracy on {len(kept)} digits that it has not seen: {model.score(data[kept], digits[kept]):.3f}")
    document = {
        "about": "softmax((weights * values + biases) / scale) for 8 by 8 values of 0 to 16",
        "scale": SCALE,
        "weights": (model.coef_ * SCALE).round().astype(int).tolist(),
        "biases": (model.intercept_ * SCALE).round().astype(int).tolist(),
    }
    (PAYLOAD / "model.json").write_text(json.dumps(document) + "\n")
    for digit, name in enumerate(NAMES):
        index = next(index for index in kept if digits[index] == digit)
        (PAYLOAD / "images" / f"{name}.png").write_bytes(png(data[index].reshape(8, 8)))


def png(values):
    """A digit as a picture of 64 by 64 pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = [b"".join(bytes([round(value * 255 / 16)]) * ZOOM for value in row) for row in values]
    packed = zlib.compress(b"".join((b"\0" + row) * ZOOM for row in rows), 9)
    head = struct.pack(">IIBBBBB", 8 * ZOOM, 8 * ZOOM, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


if __name__ == "__main__":
    main()
