"""Numbers, sizes and times in words."""

from __future__ import annotations

_SIZE_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")

_SHORT_DURATIONS = ((10**3, "µs", 999_500), (10**6, "ms", 999_500_000), (10**9, "s", 59_950_000_000))
"""Unit in nanoseconds, its name, and where three digits would round up to one of the next unit."""

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def human_size(size: int) -> str:
    """A number of bytes with three significant digits and a binary unit: `1023 B`, `12.3 KiB`, `14 MiB`."""
    if size < 1024:
        return f"{size} B"
    # `unit` is a power of 1024; integers, because sizes of whole pods do not fit a float exactly.
    unit = 1024
    for name in _SIZE_UNITS:
        # Up to 1023 whole units are shown; more would be rounded to 1024.
        if 2 * size < 2047 * unit or name == _SIZE_UNITS[-1]:
            return f"{_three_digits(size, unit)} {name}"
        unit *= 1024
    raise AssertionError("the last unit takes every size")


def human_duration(nanoseconds: int) -> str:
    """A length of time in its two largest units, or with three significant digits below a minute.

    `850 ns`, `12.3 ms`, `1.25 s`, `2 min 5 s`, `3 h 4 min`, `2 d 3 h`.
    """
    if nanoseconds < 0:
        return f"-{human_duration(-nanoseconds)}"
    if nanoseconds < 1000:
        return f"{nanoseconds} ns"
    for unit, name, limit in _SHORT_DURATIONS:
        if nanoseconds < limit:
            return f"{_three_digits(nanoseconds, unit)} {name}"
    seconds = (nanoseconds + 5 * 10**8) // 10**9
    if seconds < _HOUR:
        return _two_units(seconds, _MINUTE, "min", 1, "s")
    if seconds < _DAY:
        return _two_units(seconds, _HOUR, "h", _MINUTE, "min")
    return _two_units(seconds, _DAY, "d", _HOUR, "h")


def human_time(seconds: int, zone: int = 0) -> str:
    """A moment in its own time zone: `2026-11-23 08:20 +0000`.

    `seconds` count from 1970, `zone` is in minutes east of UTC. A time outside of the years 1 to 9999 is shown as
    `@seconds`, because a commit can hold any number.
    """
    from datetime import datetime, timedelta

    sign = "-" if zone < 0 else "+"
    offset = f"{sign}{abs(zone) // 60:02d}{abs(zone) % 60:02d}"
    try:
        moment = datetime(1970, 1, 1) + timedelta(seconds=seconds, minutes=zone)
    except OverflowError:
        return f"@{seconds} {offset}"
    return f"{moment.isoformat(sep=' ', timespec='minutes')} {offset}"


def relative_time(seconds: int, now: int) -> str:
    """How long ago a moment was, in Git's words and with its limits (`show_date_relative` in its source)."""
    age = now - seconds
    if age < 0:
        return "in the future"
    if age < 90:
        return f"{plural(age, 'second')} ago"
    if (minutes := (age + 30) // _MINUTE) < 90:
        return f"{plural(minutes, 'minute')} ago"
    if (hours := (minutes + 30) // 60) < 36:
        return f"{plural(hours, 'hour')} ago"
    days = (hours + 12) // 24
    if days < 14:
        return f"{plural(days, 'day')} ago"
    if days < 70:
        return f"{plural((days + 3) // 7, 'week')} ago"
    if days < 365:
        return f"{plural((days + 15) // 30, 'month')} ago"
    if days < 1825:
        years, months = divmod((days * 12 * 2 + 365) // (365 * 2), 12)
        if months:
            return f"{plural(years, 'year')}, {plural(months, 'month')} ago"
        return f"{plural(years, 'year')} ago"
    return f"{plural((days + 183) // 365, 'year')} ago"


def plural(number: int, noun: str, nouns: str = "") -> str:
    """A number with its noun: `1 file`, `3 files`; `nouns` is given where the plural is not made with an s."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {nouns or noun + 's'}"


def _three_digits(number: int, unit: int) -> str:
    """`number / unit` rounded to three significant digits, without trailing zeros; whole numbers are kept whole."""
    for decimals in (2, 1):
        scaled = (2 * number * 10**decimals + unit) // (2 * unit)
        if scaled < 1000:
            whole, fraction = divmod(scaled, 10**decimals)
            return f"{whole}.{fraction:0{decimals}d}".rstrip("0").rstrip(".")
    return str((2 * number + unit) // (2 * unit))


def _two_units(number: int, large: int, large_name: str, small: int, small_name: str) -> str:
    whole, rest = divmod((2 * number + small) // (2 * small) * small, large)
    return f"{whole} {large_name} {rest // small} {small_name}" if rest else f"{whole} {large_name}"
