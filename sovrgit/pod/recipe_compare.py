"""The object `golem.compare` of a recipe: by which rule each output is compared when a run is verified."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from msgspec import Struct, to_builtins

from sovrgit.pod.recipe_checks import check_path
from sovrgit.pod.recipe_lines import Fault, Path, shown

MAX_PATTERNS = 1000
MAX_TEXT = 1000
"""Characters of a pattern, and of a key that is to be ignored."""

MAX_IGNORED = 100
"""Keys of one rule that are to be ignored."""


class Exact(Struct, frozen=True):
    """The same bytes."""


class Ignore(Struct, frozen=True):
    """Whatever it is, also if it is missing."""


class Tolerance(Struct, frozen=True, kw_only=True):
    """How far apart two numbers may be: by `absolute`, or by `relative` times the larger one of their amounts."""

    absolute: float = 0.0
    relative: float = 0.0


class Numeric(Tolerance, frozen=True, kw_only=True):
    """The same text, but for the numbers in it, which may be as far apart as the tolerance says."""


class Json(Tolerance, frozen=True, kw_only=True):
    """The same JSON document, however it is written; `ignore` are the values that do not count."""

    ignore: tuple[str, ...] = ()


class Image(Struct, frozen=True, kw_only=True):
    """The same picture: no channel differs by more than `difference` of its range, but in a share `pixels` of all."""

    difference: float = 0.0
    pixels: float = 0.0


Rule: TypeAlias = Exact | Ignore | Numeric | Json | Image

_WORDS: Mapping[str, Rule] = {"exact": Exact(), "ignore": Ignore()}
_KINDS: Mapping[str, type[Numeric | Json | Image]] = {"json": Json, "numeric": Numeric, "image": Image}


def rule_text(rule: Rule) -> str:
    """A rule as a recipe has it, with every option, as JSON with sorted keys and without spaces."""
    word = next((word for word, known in _WORDS.items() if rule == known), None)
    if word is not None:
        return json.dumps(word)
    kind = next(name for name, known in _KINDS.items() if type(rule) is known)
    options = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in to_builtins(rule).items()
    }
    return json.dumps({kind: options}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def check_compare(path: Path, value: Mapping[str, Any]) -> dict[str, Rule]:
    """The rules by the pattern of the outputs that they are for, in the order of the file.

    Raises:
        Fault: with the path of what has no meaning.
    """
    if len(value) > MAX_PATTERNS:
        raise Fault(f"has more than {MAX_PATTERNS} patterns", path)
    found: dict[str, Rule] = {}
    for pattern, rule in value.items():
        here: Path = (*path, pattern)
        if len(pattern) > MAX_TEXT:
            raise Fault(f"the pattern `{shown(pattern)}` has more than {MAX_TEXT} characters", path)
        plain = check_path(here, pattern)
        if plain in found:
            raise Fault(f"`{shown(plain)}` has a rule already", here)
        found[plain] = _rule(here, rule)
    return found


def _rule(path: Path, value: Any) -> Rule:
    if isinstance(value, str):
        if value in _WORDS:
            return _WORDS[value]
        advice = f'; write `{{"{value}": {{}}}}`' if value in _KINDS else _known()
        raise Fault(f"`{shown(value)}` is not a rule by itself{advice}", path)
    if not isinstance(value, dict):
        raise Fault(f"should be a rule{_known()}", path)
    if len(value) != 1:
        raise Fault(f"a rule has one key that says its kind, not {len(value)}{_known()}", path)
    ((kind, options),) = value.items()
    if kind not in _KINDS:
        raise Fault(f"there is no rule `{shown(kind)}`{_known()}", (*path, kind))
    path = (*path, kind)
    if not isinstance(options, dict):
        raise Fault("should be an object with the options of the rule", path)
    wanted = _KINDS[kind]
    for option in options:
        if option not in wanted.__struct_fields__:
            raise Fault(f"has no meaning here; `{kind}` knows {_listed(wanted)}", (*path, option))
    return wanted(**{option: _option((*path, option), option, given) for option, given in options.items()})


def _option(path: Path, option: str, value: Any) -> Any:
    if option == "ignore":
        return _ignored(path, value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Fault("should be a number", path)
    if value < 0:
        raise Fault("is negative", path)
    if option != "absolute" and value >= 1:
        # Whatever has the same sign would be the same number; whatever has the same size, the same picture.
        raise Fault("should be less than 1", path)
    if value > _LARGEST:
        raise Fault(f"should be at most {_LARGEST:g}", path)
    return float(value)


_LARGEST = 1e300


def _ignored(path: Path, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Fault("should be a list of keys", path)
    if len(value) > MAX_IGNORED:
        raise Fault(f"has more than {MAX_IGNORED} keys", path)
    for number, key in enumerate(value):
        if not isinstance(key, str):
            raise Fault("should be text: the name of a key, or its path with dots", (*path, number))
        if not key or len(key) > MAX_TEXT:
            raise Fault(f"should have 1 to {MAX_TEXT} characters", (*path, number))
        if not key.startswith("/") and "" in key.split("."):
            raise Fault(f"`{shown(key)}` has an empty part; a key with a dot in it is written `/a.b`", (*path, number))
    return tuple(value)


def _known() -> str:
    words = [f'`"{word}"`' for word in _WORDS]
    return "; the rules are " + ", ".join([*words, *(f'`{{"{kind}": …}}`' for kind in _KINDS)])


def _listed(wanted: type[Struct]) -> str:
    return " and ".join(f"`{name}`" for name in wanted.__struct_fields__)
