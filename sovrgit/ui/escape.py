"""Names and contents made safe to show: nothing in a pod may steer the reader's terminal."""

from __future__ import annotations

_QUOTED_SHORT = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}
"""Bytes that have a letter of their own in Git's quoting (`quote.c` in its source)."""

_BIDI = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
"""Characters that change the direction of text, and so what a line seems to say (CVE-2021-42574)."""


def _visible_forms() -> dict[int, str]:
    forms = {code: f"^{chr(code ^ 0x40)}" for code in [*range(0x20), 0x7F]}
    forms |= {code: f"<U+{code:04X}>" for code in [*range(0x80, 0xA0), *_BIDI]}
    # Bytes that are not UTF-8, as `surrogateescape` decodes them.
    forms |= {0xDC00 + byte: f"<{byte:02X}>" for byte in range(0x80, 0x100)}
    del forms[ord("\t")]
    return forms


_VISIBLE = _visible_forms()


_VISIBLE_IN_TEXT = {code: form for code, form in _VISIBLE.items() if code != ord("\n")}
_VISIBLE_LIVE = {code: form for code, form in _VISIBLE_IN_TEXT.items() if code != ord("\r")}


def visible(text: str) -> str:
    """The text with every control character but the tab shown, in the way of `less`: `^[`, `<U+009B>`, `<FF>`."""
    if text.isascii() and text.isprintable():
        return text
    return text.translate(_VISIBLE)


def visible_text(text: str, *, live: bool = False) -> str:
    """The same for text of many lines, whose line feeds stay.

    With `live` carriage returns stay too: a program that is running draws its progress with them.
    """
    return text.translate(_VISIBLE_LIVE if live else _VISIBLE_IN_TEXT)


def quote_path(path: str, *, terminal: bool = False) -> str:
    """A path in Git's notation: as it is, or in double quotes with C escapes if it has special characters.

    `path` is decoded by `surrogateescape`. Bytes beyond ASCII are escaped, as Git does by default
    (`core.quotePath`); for a terminal readable letters are kept.
    """
    if terminal:
        quoted = "".join(_quoted_character(character) for character in path)
    else:
        quoted = "".join(map(_quoted_byte, path.encode("utf-8", "surrogateescape")))
    return path if quoted == path else f'"{quoted}"'


def _quoted_character(character: str) -> str:
    if character.isascii() or ord(character) in _VISIBLE:
        return "".join(map(_quoted_byte, character.encode("utf-8", "surrogateescape")))
    return character


def _quoted_byte(byte: int) -> str:
    if byte in _QUOTED_SHORT:
        return "\\" + _QUOTED_SHORT[byte]
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}"


def display_width(text: str) -> int:
    """Columns that the text takes on a terminal: wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
