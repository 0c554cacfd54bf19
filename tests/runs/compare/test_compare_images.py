"""Pictures, pixel by pixel."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from typing import Any

import pytest
from compare_lab import content

from sovrgit.objects.place import PixelPlace
from sovrgit.pod.recipe_compare import Image as Rule
from sovrgit.runs.compare import pictures
from sovrgit.runs.compare.pictures import compare_images
from sovrgit.runs.compare.result import CannotCompare, Compared, Different, Same

Image = pytest.importorskip("PIL.Image")


def saved(picture: Any, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def plain(colour: Any = (10, 20, 30), mode: str = "RGB", size: tuple[int, int] = (8, 6)) -> Any:
    return Image.new(mode, size, colour)


def dotted(colour: Any, *places: tuple[int, int], mode: str = "RGB") -> Any:
    picture = plain(mode=mode)
    for place in places:
        picture.putpixel(place, colour)
    return picture


def compared(one: Any, other: Any, difference: float = 0, pixels: float = 0) -> Compared:
    first, second = (value if isinstance(value, bytes) else saved(value) for value in (one, other))
    return compare_images(content(first), content(second), Rule(difference=difference, pixels=pixels))


def refused(data: bytes) -> str:
    with pytest.raises(CannotCompare) as caught:
        compared(plain(), data)
    return caught.value.reason


def test_how_a_picture_is_stored_does_not_matter() -> None:
    other = saved(plain(), compress_level=0, dpi=(300, 300))
    assert other != saved(plain())
    assert compared(plain(), other) == Same("")
    assert compared(plain(), saved(plain(), "BMP")) == Same("")
    assert compared(plain(), plain().quantize(4)) == Same("")
    assert compared(plain(7, "L"), plain((7, 7, 7, 255), "RGBA")) == Same("")


def test_pixels_that_are_not_the_same_are_in_a_box() -> None:
    found = compared(plain(), dotted((10, 20, 81), (2, 1), (5, 4)))
    assert found == Different(PixelPlace(2, 1, 4, 4), "2 of 48 pixels, by up to 0.2 of the range of a channel")


def test_a_channel_may_differ_a_little() -> None:
    other = dotted((13, 20, 30), (0, 0))
    assert compared(plain(), other, 3 / 255) == Same("by up to 0.0118 of the range of a channel")
    assert isinstance(compared(plain(), other, 2 / 255), Different)


def test_some_pixels_may_differ_more() -> None:
    other = dotted((255, 0, 0), (3, 3))
    assert compared(plain(), other, pixels=0.03) == Same("1 of 48 pixels, by up to 0.961 of the range of a channel")
    assert isinstance(compared(plain(), other, pixels=0.02), Different)


def test_what_cannot_be_seen_does_not_count() -> None:
    assert compared(plain((1, 2, 3, 0), "RGBA"), plain((200, 2, 3, 0), "RGBA")) == Same("")
    assert isinstance(compared(plain((1, 2, 3, 0), "RGBA"), plain((1, 2, 3, 9), "RGBA")), Different)


def test_sizes() -> None:
    assert compared(plain(), plain(size=(6, 8))) == Different(None, "6 x 8 pixels instead of 8 x 6")


def test_16_bits_are_compared_as_8() -> None:
    assert compared(plain(40_000, "I;16"), plain(40_001, "I;16")) == Same("")
    assert isinstance(compared(plain(40_000, "I;16"), plain(41_000, "I;16")), Different)


def test_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    def animated(*frames: Any) -> bytes:
        return saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)

    red, blue, green = (plain(colour) for colour in ((255, 0, 0), (0, 0, 255), (0, 128, 0)))
    one = animated(red, blue, red)
    assert compared(one, one + b"\0") == Same("")
    found = compared(one, animated(red, green, red))
    assert isinstance(found, Different) and found.where == PixelPlace(0, 0, 8, 6, 2)
    assert compared(one, animated(red, blue)) == Different(None, "only 2 frames")
    assert compared(animated(red, blue), one) == Different(None, "more than 2 frames")
    monkeypatch.setattr(pictures, "MAX_ALL_PIXELS", 100)
    assert "a picture has more than" in _refusal(one, one)


def _refusal(one: bytes, other: bytes) -> str:
    with pytest.raises(CannotCompare) as caught:
        compared(one, other)
    return caught.value.reason


def test_strips_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_AT_A_TIME", 16)
    found = compared(plain(), dotted((10, 20, 81), (2, 1), (5, 4)))
    assert isinstance(found, Different) and found.where == PixelPlace(2, 1, 4, 4)


# --- what strangers may send ------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no picture"),
        (b"just text\n", "is no picture"),
        (b'{"json": 1}', "is no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 6\n", "is no picture"),  # would start another program
        (saved(plain())[:-30], "a picture cannot be read"),
        (saved(plain())[:40], "is no picture"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "is no picture"),
    ],
    ids=range(7),
)
def test_what_is_no_picture(data: bytes, reason: str) -> None:
    assert reason in refused(data)


@pytest.mark.parametrize("size", [(20_000, 20_000), (60_000, 60_000)])
def test_a_bomb_is_not_unpacked(size: tuple[int, int]) -> None:
    with pytest.raises(CannotCompare, match=r"more than 40 million pixels|is no picture"):
        compared(bomb(*size), bomb(*size) + b"\0")


def test_large_files_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_SIZE", 1 << 20)
    assert "more than 1 MiB" in refused(saved(plain()) + bytes(1 << 20))


def test_pixels_without_a_common_range() -> None:
    assert "pixels of the kind F" in _refusal(saved(plain(0.5, "F"), "TIFF"), saved(plain(0.6, "F"), "TIFF"))


def test_damage_anywhere_is_no_more_than_a_reason() -> None:
    good = saved(dotted((255, 0, 0), (3, 3)))
    for at in range(0, len(good), 3):
        broken = good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :]
        try:
            compared(plain(), broken)
        except CannotCompare as error:
            assert "picture" in error.reason


def test_without_pillow_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(plain())
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert _refusal(data, data) == "comparing pictures needs Pillow; install the extra `images`"
