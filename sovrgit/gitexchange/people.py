"""Who and when, in Git's words: `NAME <ADDRESS> SECONDS ZONE`."""

from __future__ import annotations

import re

from sovrgit.objects.commit import MAX_ZONE, Stamp

_LINE = re.compile(rb"([^<]*)<([^>]*)>(.*)", re.DOTALL)
_TIME = re.compile(rb"\s*(-?\d{1,15})(?:\s+([+-]\d{1,6}))?")

_EARLIEST, _LATEST = -62_000_000_000, 253_000_000_000
"""Seconds since 1970, in the years 6 and 9987: what calendars can show. Other times are shown as 1970."""

_NOT_IN_NAMES = str.maketrans("", "", "<>\n\0")

_ENCODINGS = frozenset(
    ["ascii", "latin1", "latin-1", "utf-16", "utf-16le", "utf-16be", "koi8-r", "koi8-u", "gbk", "gb2312", "gb18030"]
    + ["shift_jis", "shift-jis", "sjis", "cp932", "euc-jp", "iso-2022-jp", "euc-kr", "cp949", "big5"]
    + [f"{family}{number}" for number in range(1, 17) for family in ("iso-8859-", "iso8859-", "iso_8859-")]
    + [f"{family}125{number}" for number in range(9) for family in ("cp", "windows-")]
)
"""Encodings that a commit may name and that are decoded for people to read: text in, text out, in linear time."""

_FALLBACK = "latin-1"
"""For bytes that are neither UTF-8 nor in an encoding that was named. It decodes everything."""


def decoded(data: bytes, encoding: bytes | None = None) -> str:
    """Text of a commit for people to read: in the encoding that it names, UTF-8 if it names none."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        name = (encoding or b"").decode("ascii", "replace").strip().lower()
        if name in _ENCODINGS:
            try:
                text = data.decode(name)
                text.encode()
            except (UnicodeDecodeError, UnicodeEncodeError, LookupError):
                pass
            else:
                return text
        return data.decode(_FALLBACK)


def read_stamp(line: bytes, encoding: bytes | None = None) -> Stamp:
    """What a line says, as far as it can be understood: nothing in it is refused."""
    found = _LINE.fullmatch(line)
    if found is None:
        return Stamp(decoded(line, encoding).strip(), "", 0, 0)
    name, email, rest = found.groups()
    time, zone = 0, 0
    when = _TIME.match(rest)
    if when is not None:
        time = int(when[1]) if _EARLIEST <= int(when[1]) <= _LATEST else 0
        zone = _minutes(when[2] or b"+0000")
    return Stamp(decoded(name, encoding).strip(), decoded(email, encoding), time, zone)


def stamp_line(stamp: Stamp) -> bytes:
    """The line that Git would write for a stamp."""
    name, email = (text.translate(_NOT_IN_NAMES).strip() for text in (stamp.name, stamp.email))
    sign = "-" if stamp.zone < 0 else "+"
    hours, minutes = divmod(abs(stamp.zone), 60)
    return f"{name} <{email}> {stamp.time} {sign}{hours:02}{minutes:02}".encode()


def _minutes(zone: bytes) -> int:
    value = int(zone)
    minutes = abs(value) // 100 * 60 + abs(value) % 100
    return 0 if minutes > MAX_ZONE else minutes if value > 0 else -minutes
