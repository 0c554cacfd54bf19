"""Tell which digit is in an image: the one that SOVR_EACH names, or those that are named as arguments.

The standard library is enough, so that it runs in any image that has Python 3.6 or later.
"""

import json
import math
import os
import struct
import sys
import zlib

SIDE = 8
BRIGHTEST = 16
FILES = sys.argv[1:] or [os.environ["SOVR_EACH"]]


def main():
    with open("payload/model.json") as file:
        model = json.load(file)
    os.makedirs("output", exist_ok=True)
    for path in FILES:
        with open(path, "rb") as file:
            likely = probabilities(model, features(*read_png(file.read())))
        digit = max(range(len(likely)), key=likely.__getitem__)
        name = os.path.splitext(os.path.basename(path))[0]
        with open("output/" + name + ".json", "w") as file:
            json.dump({"image": path, "digit": digit, "probability": round(likely[digit], 4)}, file, indent=1)
            file.write("\n")
        print("%s: %d (%.1f %%)" % (path, digit, 100 * likely[digit]))


def probabilities(model, values):
    """How likely each digit is: a weighted sum for each, and the softmax of them."""
    sums = [
        (sum(weight * value for weight, value in zip(row, values)) + bias) / model["scale"]
        for row, bias in zip(model["weights"], model["biases"])
    ]
    parts = [math.exp(one - max(sums)) for one in sums]
    return [part / sum(parts) for part in parts]


def features(width, height, rows):
    """64 numbers from 0 to 16: how bright each of 8 by 8 equal parts of the image is."""
    if width < SIDE or height < SIDE:
        sys.exit("an image has at least 8 by 8 pixels")
    found = []
    for row in range(SIDE):
        for column in range(SIDE):
            part = [
                rows[y][x]
                for y in range(row * height // SIDE, (row + 1) * height // SIDE)
                for x in range(column * width // SIDE, (column + 1) * width // SIDE)
            ]
            found.append(sum(part) * BRIGHTEST / (255 * len(part)))
    return found


def read_png(data):
    """Width, height and rows of a PNG with 8 bits of grey a pixel: white on black."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        sys.exit("not a PNG")
    at, packed, head = 8, b"", None
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == b"IHDR":
            head = struct.unpack(">IIBBBBB", data[at + 8 : at + 21])
        elif kind == b"IDAT":
            packed += data[at + 8 : at + 8 + length]
        at += length + 12
    if head is None or head[2:] != (8, 0, 0, 0, 0):
        sys.exit("only PNGs with 8 bits of grey, not interlaced, are understood")
    width, height = head[:2]
    unpacked = zlib.decompress(packed)
    rows, above = [], bytearray(width)
    for start in range(0, height * (width + 1), width + 1):
        row = bytearray(unpacked[start + 1 : start + 1 + width])
        for x in range(width):
            left, corner = (row[x - 1], above[x - 1]) if x else (0, 0)
            row[x] = (row[x] + predicted(unpacked[start], left, above[x], corner)) % 256
        rows.append(row)
        above = row
    return width, height, rows


def predicted(kind, left, above, corner):
    """What a pixel is written as the difference to (PNG, section 9)."""
    if kind == 4:
        near = left + above - corner
        return min((left, above, corner), key=lambda one: abs(near - one))
    return (0, left, above, (left + above) // 2)[kind]


if __name__ == "__main__":
    main()
