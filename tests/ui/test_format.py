"""Sizes, durations and times at the borders of their units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovrgit.ui.format import human_duration, human_size, human_time, plural, relative_time

MINUTE, HOUR, DAY = 60, 3600, 86400
SECOND_NS = 10**9


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (12_595, "12.3 KiB"),
        (14 * 1024, "14 KiB"),
        (10_235, "10 KiB"),
        (1023 * 1024, "1023 KiB"),
        (1023 * 1024 + 511, "1023 KiB"),
        (1023 * 1024 + 512, "1 MiB"),
        (32 << 20, "32 MiB"),
        (123_456_789_012, "115 GiB"),
        ((1 << 63) - 1, "8 EiB"),
        (5000 << 80, "5000 YiB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert human_size(size) == text


@given(st.integers(0, 1 << 80))
def test_sizes_are_short_and_near(size: int) -> None:
    number, unit = human_size(size).split()
    factor = 1024 ** ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"].index(unit)
    assert abs(float(number) * factor - size) <= 0.0051 * size
    assert float(number) < 1024


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 ns"),
        (850, "850 ns"),
        (1000, "1 µs"),
        (999_499, "999 µs"),
        (999_500, "1 ms"),
        (12_340_000, "12.3 ms"),
        (1_250_000_000, "1.25 s"),
        (59_940_000_000, "59.9 s"),
        (59_950_000_000, "1 min"),
        (125 * SECOND_NS, "2 min 5 s"),
        (3599 * SECOND_NS + 600_000_000, "1 h"),
        ((3 * HOUR + 4 * MINUTE + 29) * SECOND_NS, "3 h 4 min"),
        ((2 * DAY + 3 * HOUR) * SECOND_NS, "2 d 3 h"),
        (-1_250_000_000, "-1.25 s"),
    ],
)
def test_durations(nanoseconds: int, text: str) -> None:
    assert human_duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("seconds", "zone", "text"),
    [
        (1_795_422_000, 0, "2026-11-23 08:20 +0000"),
        (1_795_422_000, 330, "2026-11-23 13:50 +0530"),
        (1_795_422_000, -210, "2026-11-23 04:50 -0330"),
        (0, -1440, "1969-12-31 00:00 -2400"),
        (-62_135_596_800, 0, "0001-01-01 00:00 +0000"),
        (-62_135_596_800, -1, "@-62135596800 -0001"),
        ((1 << 63) - 1, 0, "@9223372036854775807 +0000"),
    ],
)
def test_times(seconds: int, zone: int, text: str) -> None:
    assert human_time(seconds, zone) == text


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (-1, "in the future"),
        (0, "0 seconds ago"),
        (1, "1 second ago"),
        (89, "89 seconds ago"),
        (90, "2 minutes ago"),
        (90 * MINUTE - 31, "89 minutes ago"),
        (2 * HOUR, "2 hours ago"),
        (36 * HOUR, "2 days ago"),
        (13 * DAY, "13 days ago"),
        (14 * DAY, "2 weeks ago"),
        (69 * DAY, "10 weeks ago"),
        (70 * DAY, "2 months ago"),
        (364 * DAY, "12 months ago"),
        (365 * DAY, "1 year ago"),
        (400 * DAY, "1 year, 1 month ago"),
        (5 * 365 * DAY, "5 years ago"),
        (1 << 63, "292471208678 years ago"),
    ],
)
def test_relative_times(age: int, text: str) -> None:
    assert relative_time(10**9 - age, 10**9) == text


def test_plural() -> None:
    assert [plural(number, "file") for number in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
    assert plural(2, "entry", "entries") == "2 entries"
