"""Pictures that are the same, or nearly so, pixel by pixel. Needs Pillow, which is loaded here and nowhere else."""

from __future__ import annotations

import functools
import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING

from sovrgit.objects.place import PixelPlace
from sovrgit.pod.recipe_compare import Image as ImageRule
from sovrgit.runs.compare.result import CannotCompare, Compared, Content, Different, Same

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_SIZE = 64 << 20
"""Bytes of a file."""

MAX_PIXELS = 40_000_000
"""Pixels of a frame: more than 8K, and 160 MB a picture while two are compared."""

MAX_ALL_PIXELS = 400_000_000
"""Pixels of all frames together."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM")
"""Those that are read. Pillow knows dozens; some start other programs, and all are code that strange files reach."""

_PLAIN = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
"""Kinds of pixels that are as good when they are red, green, blue and alpha of 8 bits."""

_AT_A_TIME = 1 << 20
"""Pixels that are compared at a time, in whole rows."""


def compare_images(one: Content, other: Content, rule: ImageRule) -> Compared:
    """Compare two pictures frame by frame, as they look: red, green, blue and alpha, 8 bits each.

    What a picture says about itself (times, colour profiles, comments) does not count, nor does the colour of what
    cannot be seen.

    Raises:
        CannotCompare: if Pillow is not installed, or one of them is no picture that it should read.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise CannotCompare("comparing pictures needs Pillow; install the extra `images`") from None
    unreadable = (
        *(UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError),
        *(MemoryError, OverflowError, struct.error, zlib.error, TypeError, KeyError, IndexError, AttributeError),
    )

    def opened(content: Content, which: str) -> Image.Image:
        if content.size > MAX_SIZE:
            raise CannotCompare(f"{which} has more than {MAX_SIZE >> 20} MiB, which is too large for a picture")
        try:
            return Image.open(io.BytesIO(content.read()), formats=FORMATS)
        except unreadable:
            raise CannotCompare(f"{which} is no picture that can be read ({', '.join(FORMATS)})") from None

    with warnings.catch_warnings():
        # Pillow warns of what it thinks is odd; the limits here are lower than its own.
        warnings.simplefilter("ignore")
        pictures = opened(one, "the recorded output"), opened(other, "the output of the repeat")
        try:
            return _compare_frames(*pictures, rule)
        except unreadable as error:
            raise CannotCompare(f"a picture cannot be read ({type(error).__name__})") from None


def _compare_frames(one: Image, other: Image, rule: ImageRule) -> Compared:
    seen = _Seen(int(rule.difference * 255 + _ROUNDING))
    frame = 1
    while True:
        if one.size != other.size:
            (width, height), (new_width, new_height) = one.size, other.size
            return Different(None, f"{new_width} x {new_height} pixels instead of {width} x {height}")
        _check(one, seen)
        _check(other, seen)
        seen.compare(one, other, frame)
        more = _has(one, frame), _has(other, frame)
        if not any(more):
            break
        if not all(more):
            return Different(seen.first, f"{'only' if more[0] else 'more than'} {frame} frames")
        frame += 1
    apart = f"{seen.largest / 255:.3g} of the range of a channel"
    if seen.beyond > rule.pixels * seen.total:
        return Different(seen.first, f"{seen.beyond} of {seen.total} pixels, by up to {apart}")
    if seen.beyond:
        return Same(f"{seen.beyond} of {seen.total} pixels, by up to {apart}")
    return Same(f"by up to {apart}" if seen.largest else "")


_ROUNDING = 1e-9
"""So that 3/255, which no float is, stands for 3."""


def _has(picture: Image, frame: int) -> bool:
    """Go to a frame, counted from 0, if there is one."""
    try:
        picture.seek(frame)
    except EOFError:
        return False
    return True


def _check(picture: Image, seen: _Seen) -> None:
    size = picture.width * picture.height
    if size > MAX_PIXELS or seen.total + size > MAX_ALL_PIXELS:
        limits = f"{MAX_PIXELS // 10**6} million pixels, or {MAX_ALL_PIXELS // 10**6} million in all its frames"
        raise CannotCompare(f"a picture has more than {limits}")
    if picture.mode not in _PLAIN and not picture.mode.startswith("I;16"):
        raise CannotCompare(f"pixels of the kind {picture.mode} have more than 8 bits, and no common range")


class _Seen:
    """What was found so far: pixels in all, those that differ by more than the threshold, and the most of it."""

    def __init__(self, threshold: int) -> None:
        self.total = self.beyond = self.largest = 0
        self.first: PixelPlace | None = None
        self._table = [255 if value > threshold else 0 for value in range(256)]

    def compare(self, one: Image, other: Image, frame: int) -> None:
        """Look at a frame of two pictures of the same size."""
        boxes: list[tuple[int, int, int, int]] = []
        step = max(_AT_A_TIME // max(one.width, 1), 1)
        for top in range(0, one.height, step):
            rows = (0, top, one.width, min(top + step, one.height))
            box = self._strip(_as_seen(one.crop(rows)), _as_seen(other.crop(rows)))
            if box is not None:
                boxes.append((box[0], box[1] + top, box[2], box[3] + top))
        self.total += one.width * one.height
        if boxes and self.first is None:
            left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
            right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
            self.first = PixelPlace(left, top, right - left, bottom - top, frame)

    def _strip(self, one: Image, other: Image) -> tuple[int, int, int, int] | None:
        from PIL import ImageChops

        channels = ImageChops.difference(one, other).split()
        apart = functools.reduce(ImageChops.lighter, channels)
        self.largest = max(self.largest, int(apart.getextrema()[1]))  # type: ignore[arg-type] # one band, two numbers
        beyond = apart.point(self._table)
        self.beyond += beyond.histogram()[255]
        return beyond.getbbox()


def _as_seen(picture: Image) -> Image:
    """Red, green and blue as far as they can be seen through, and alpha."""
    if picture.mode.startswith("I;16"):
        picture = picture.point(lambda value: value * (1 / 256)).convert("L")
    return picture.convert("RGBA").convert("RGBa")
