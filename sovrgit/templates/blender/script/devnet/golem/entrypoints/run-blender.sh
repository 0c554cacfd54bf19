#!/usr/bin/env python3
"""A stand-in for Blender on the devnet, which has none. It draws a turning cube, whatever the scene has in it.

It is called as the real one in the image is: it takes no arguments, and reads /golem/work/params.json.
"""

import json
import math
import struct
import sys
import zlib

SAID = "STAND-IN"
# Five columns and five rows each.
LETTERS = {
    "S": "01111 10000 01110 00001 11110",
    "T": "11111 00100 00100 00100 00100",
    "A": "01110 10001 11111 10001 10001",
    "N": "10001 11001 10101 10011 10001",
    "D": "11110 10001 10001 10001 11110",
    "-": "00000 00000 01110 00000 00000",
    "I": "01110 00100 00100 00100 01110",
}
SKY, SIDES = (38, 42, 54), ((232, 119, 34), (54, 132, 196), (240, 220, 150))


def main():
    with open("/golem/work/params.json") as file:
        params = json.load(file)
    with open(params["scene_file"], "rb") as file:
        begins = file.read(7)
    if begins != b"BLENDER" and begins[:2] != b"\x1f\x8b":
        sys.exit("the scene is no file of Blender, packed or not")
    width, height = params["resolution"]
    for frame in params["frames"]:
        for crop in params["crops"]:
            place = f"{params['OUTPUT_DIR']}/{crop['outfilebasename']}{frame:04d}.png"
            with open(place, "wb") as file:
                file.write(png(width, height, draw(width, height, frame)))
            print(f"{place}: a cube, drawn by the devnet's stand-in for Blender; the scene was not rendered")


def draw(width, height, frame):
    """The rows of the picture: a cube that has turned by some degrees, seen from above."""
    turned, bent = math.radians(7 * frame + 30), math.radians(-25)
    sine, cosine, low, high = math.sin(turned), math.cos(turned), math.sin(bent), math.cos(bent)

    def into(x, y, z):
        """A direction as the cube sees it."""
        y, z = high * y + low * z, high * z - low * y
        return cosine * x - sine * z, y, sine * x + cosine * z

    eye = into(0.0, 0.0, -6.0)
    rows = []
    for row in range(height):
        line = bytearray()
        for column in range(width):
            ray = into((column - width / 2) / height, (height / 2 - row) / height, 1.3)
            line += bytes(seen(eye, ray))
        rows.append(line)
    scale = max(width // 200, 1)
    for index, letter in enumerate(SAID):
        for down, bits in enumerate(LETTERS[letter].split()):
            for across, bit in enumerate(bits):
                for y in range(down * scale + scale, down * scale + 2 * scale):
                    at = ((index * 6 + across) * scale + scale) * 3
                    if bit == "1" and y < height and at + 3 * scale <= len(rows[y]):
                        rows[y][at : at + 3 * scale] = b"\xff" * 3 * scale
    return rows


def seen(eye, ray):
    """The colour where a ray meets the cube first, or that of the sky."""
    first, last, side = -math.inf, math.inf, 0
    for axis in range(3):
        if abs(ray[axis]) < 1e-9:
            if abs(eye[axis]) > 1:
                return SKY
            continue
        enters, leaves = sorted(((-1 - eye[axis]) / ray[axis], (1 - eye[axis]) / ray[axis]))
        if enters > first:
            first, side = enters, axis
        last = min(last, leaves)
    return SIDES[side] if 0 < first < last else SKY


def png(width, height, rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    said = b"Software\0stand-in for Blender on the devnet of sovr"
    packed = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"tEXt", said) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


main()
