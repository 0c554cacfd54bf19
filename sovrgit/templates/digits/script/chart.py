"""Draws a confusion matrix as a PNG, with no library but numpy.

Plotting libraries write other bytes with each version of themselves, of their fonts and of zlib. Here every pixel is
set by hand and the file is not compressed, so that the chart is the same wherever it is drawn.
"""

import math
import struct
import zlib

import numpy as np

CELL = 42  # pixels across one cell
LEFT, TOP, RIGHT, BOTTOM = 76, 48, 22, 72  # margins in pixels; the width is even, because two pixels share a byte
GRID, INK = 14, 15  # colours 0 to 13 are the heat, from white to blue
HEAT = 13
PALETTE = bytes(
    channel
    for index in range(14)
    for channel in (255 - 233 * index // HEAT, 255 - 190 * index // HEAT, 255 - 99 * index // HEAT)
) + bytes((205, 213, 222, 33, 41, 52))

# Five columns and seven rows for each character, row by row.
GLYPHS = {
    "0": ".###. #...# #..## #.#.# ##..# #...# .###.",
    "1": "..#.. .##.. ..#.. ..#.. ..#.. ..#.. .###.",
    "2": ".###. #...# ....# ...#. ..#.. .#... #####",
    "3": "##### ...#. ..#.. ...#. ....# #...# .###.",
    "4": "...#. ..##. .#.#. #..#. ##### ...#. ...#.",
    "5": "##### #.... ####. ....# ....# #...# .###.",
    "6": "..##. .#... #.... ####. #...# #...# .###.",
    "7": "##### ....# ...#. ..#.. .#... .#... .#...",
    "8": ".###. #...# #...# .###. #...# #...# .###.",
    "9": ".###. #...# #...# .#### ....# ...#. .##..",
    "A": ".###. #...# #...# ##### #...# #...# #...#",
    "C": ".###. #...# #.... #.... #.... #...# .###.",
    "D": "####. #...# #...# #...# #...# #...# ####.",
    "E": "##### #.... #.... ####. #.... #.... #####",
    "G": ".###. #...# #.... #.### #...# #...# .###.",
    "I": ".###. ..#.. ..#.. ..#.. ..#.. ..#.. .###.",
    "L": "#.... #.... #.... #.... #.... #.... #####",
    "P": "####. #...# #...# ####. #.... #.... #....",
    "R": "####. #...# #...# ####. #.#.. #..#. #...#",
    "T": "##### ..#.. ..#.. ..#.. ..#.. ..#.. ..#..",
    "U": "#...# #...# #...# #...# #...# #...# .###.",
    "Y": "#...# #...# .#.#. ..#.. ..#.. ..#.. ..#..",
    ".": "..... ..... ..... ..... ..... .##.. .##..",
    " ": "..... ..... ..... ..... ..... ..... .....",
}


def confusion_chart(matrix: list[list[int]], title: str) -> bytes:
    """The PNG of a confusion matrix: a row for each actual digit, a column for each predicted one.

    A cell's colour is the share of its row, on a square-root scale so that rare mistakes show; empty cells have no
    number.
    """
    count = len(matrix)
    side = count * CELL
    image = np.zeros((TOP + side + BOTTOM, LEFT + side + RIGHT), dtype=np.uint8)
    for row, numbers in enumerate(matrix):
        for column, number in enumerate(numbers):
            y, x = TOP + row * CELL, LEFT + column * CELL
            heat = math.isqrt(HEAT * HEAT * number // max(1, sum(numbers)))
            image[y : y + CELL, x : x + CELL] = heat
            if number:
                write(image, str(number), y + CELL // 2, x + CELL // 2, 0 if heat > HEAT // 2 else INK)
    for line in range(count + 1):
        image[TOP + min(line * CELL, side - 1), LEFT : LEFT + side] = GRID
        image[TOP : TOP + side, LEFT + min(line * CELL, side - 1)] = GRID
    for digit in range(count):
        middle = digit * CELL + CELL // 2
        write(image, str(digit), TOP + middle, LEFT - 16, INK)
        write(image, str(digit), TOP + side + 18, LEFT + middle, INK)
    write(image, title, TOP // 2, LEFT + side // 2, INK)
    write(image, "PREDICTED DIGIT", TOP + side + 48, LEFT + side // 2, INK)
    write(image, "ACTUAL DIGIT", TOP + side // 2, LEFT - 48, INK, upwards=True)
    return png(image)


def write(image: np.ndarray, text: str, y: int, x: int, colour: int, *, upwards: bool = False) -> None:
    """Write text centred at a point, each of its dots two pixels wide and high."""
    glyphs = [np.array([[dot == "#" for dot in line] for line in GLYPHS[c].split()]) for c in text]
    gap = np.zeros((7, 1), dtype=bool)
    dots = np.hstack([part for glyph in glyphs for part in (glyph, gap)])[:, :-1]
    dots = dots.repeat(2, axis=0).repeat(2, axis=1)
    if upwards:
        dots = np.rot90(dots)
    top, left = y - dots.shape[0] // 2, x - dots.shape[1] // 2
    image[top : top + dots.shape[0], left : left + dots.shape[1]][dots] = colour


def png(image: np.ndarray) -> bytes:
    """A PNG (W3C, third edition) of 16 colours, two pixels in a byte."""
    height, width = image.shape
    packed = image[:, ::2] << 4 | image[:, 1::2]
    rows = np.hstack([np.zeros((height, 1), dtype=np.uint8), packed]).tobytes()  # each row begins with "no filter"
    header = struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", PALETTE), (b"IDAT", stored(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def stored(data: bytes) -> bytes:
    """A zlib stream (RFC 1950) of stored blocks (RFC 1951, 3.2.4): compressors differ, this does not."""
    blocks = [data[start : start + 65535] for start in range(0, len(data), 65535)]
    body = b"".join(
        struct.pack("<BHH", number == len(blocks) - 1, len(block), len(block) ^ 0xFFFF) + block
        for number, block in enumerate(blocks)
    )
    return b"\x78\x01" + body + struct.pack(">I", zlib.adler32(data))
