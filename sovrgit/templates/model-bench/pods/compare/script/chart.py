"""Draws a bar chart as a PNG, with no library.

Plotting libraries write other bytes with each version of themselves, of their fonts and of zlib. Here every pixel is
set by hand and the file is not compressed, so that the chart is the same wherever it is drawn.
"""

import struct
import zlib

ROW, BAR = 34, 20  # pixels from bar to bar, and across one
LEFT, TOP, RIGHT, BOTTOM = 140, 48, 64, 52  # margins
WIDTH = 360  # of the longest bar
PAPER, INK, GRID, MISSED, ALARM = range(5)
PALETTE = bytes((255, 255, 255, 33, 41, 52, 205, 213, 222, 178, 42, 56, 236, 164, 76))

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
    "B": "####. #...# #...# ####. #...# #...# ####.",
    "C": ".###. #...# #.... #.... #.... #...# .###.",
    "D": "####. #...# #...# #...# #...# #...# ####.",
    "E": "##### #.... #.... ####. #.... #.... #####",
    "F": "##### #.... #.... ####. #.... #.... #....",
    "G": ".###. #...# #.... #.### #...# #...# .###.",
    "H": "#...# #...# #...# ##### #...# #...# #...#",
    "I": ".###. ..#.. ..#.. ..#.. ..#.. ..#.. .###.",
    "J": "..### ...#. ...#. ...#. ...#. #..#. .##..",
    "K": "#...# #..#. #.#.. ##... #.#.. #..#. #...#",
    "L": "#.... #.... #.... #.... #.... #.... #####",
    "M": "#...# ##.## #.#.# #.#.# #...# #...# #...#",
    "N": "#...# ##..# #.#.# #..## #...# #...# #...#",
    "O": ".###. #...# #...# #...# #...# #...# .###.",
    "P": "####. #...# #...# ####. #.... #.... #....",
    "Q": ".###. #...# #...# #...# #.#.# #..#. .##.#",
    "R": "####. #...# #...# ####. #.#.. #..#. #...#",
    "S": ".#### #.... #.... .###. ....# ....# ####.",
    "T": "##### ..#.. ..#.. ..#.. ..#.. ..#.. ..#..",
    "U": "#...# #...# #...# #...# #...# #...# .###.",
    "V": "#...# #...# #...# #...# #...# .#.#. ..#..",
    "W": "#...# #...# #...# #.#.# #.#.# ##.## #...#",
    "X": "#...# #...# .#.#. ..#.. .#.#. #...# #...#",
    "Y": "#...# #...# .#.#. ..#.. ..#.. ..#.. ..#..",
    "Z": "##### ....# ...#. ..#.. .#... #.... #####",
    ".": "..... ..... ..... ..... ..... .##.. .##..",
    "-": "..... ..... ..... ##### ..... ..... .....",
    "=": "..... ..... ##### ..... ##### ..... .....",
    " ": "..... ..... ..... ..... ..... ..... .....",
}


class Canvas:
    """Pixels, each the number of its colour."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.rows = [bytearray(width) for _ in range(height)]

    def fill(self, x: int, y: int, width: int, height: int, colour: int) -> None:
        for row in self.rows[y : y + height]:
            row[x : x + width] = bytes([colour]) * width

    def write(self, text: str, x: int, y: int) -> None:
        """Write text to the right of a point and below it, each of its dots two pixels wide and high."""
        for place, character in enumerate(text.upper()):
            for line, dots in enumerate(GLYPHS.get(character, GLYPHS["-"]).split()):
                for column, dot in enumerate(dots):
                    if dot == "#":
                        self.fill(x + 12 * place + 2 * column, y + 2 * line, 2, 2, INK)

    def png(self) -> bytes:
        """A PNG (W3C, third edition) with a palette, a byte for each pixel."""
        rows = b"".join(b"\0" + row for row in self.rows)  # each row begins with "no filter"
        header = struct.pack(">IIBBBBB", self.width, len(self.rows), 8, 3, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"PLTE", PALETTE), (b"IDAT", stored(rows)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


def error_chart(bars: "list[tuple[str, int, int]]", title: str) -> bytes:
    """The PNG of a bar for each model: how many malignant tumours it missed, and to the right of that its false alarms."""
    most = max(1, *(missed + alarms for _, missed, alarms in bars))
    canvas = Canvas(LEFT + WIDTH + RIGHT, TOP + ROW * len(bars) + BOTTOM)
    canvas.write(title, LEFT, 18)
    for number, (name, missed, alarms) in enumerate(bars):
        y = TOP + ROW * number + (ROW - BAR) // 2
        short = name if len(name) <= 10 else name[:9] + "."
        canvas.write(short, LEFT - 12 * len(short) - 10, y + 3)
        red, total = WIDTH * missed // most, WIDTH * (missed + alarms) // most
        canvas.fill(LEFT, y, red, BAR, MISSED)
        canvas.fill(LEFT + red, y, total - red, BAR, ALARM)
        canvas.write(str(missed + alarms), LEFT + total + 10, y + 3)
    canvas.fill(LEFT - 1, TOP, 1, ROW * len(bars), GRID)
    y = TOP + ROW * len(bars) + 20
    for x, colour, text in ((LEFT, MISSED, "MISSED"), (LEFT + 150, ALARM, "FALSE ALARM")):
        canvas.fill(x, y, 14, 14, colour)
        canvas.write(text, x + 24, y)
    return canvas.png()


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
