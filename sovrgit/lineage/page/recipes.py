"""The text of recipes, for the page."""

from __future__ import annotations

from collections.abc import Callable

from sovrgit.lineage.graph import FileDetails, Node
from sovrgit.objects.ids import Kind
from sovrgit.store.store import ObjectStore

MAX_RECIPE = 16 << 10
"""Bytes; a longer recipe is only named."""


def recipe_text(store: ObjectStore) -> Callable[[Node], str]:
    """What gives the text of a recipe's node, empty if it is not here or too long."""

    def read(node: Node) -> str:
        details = node.details
        # The size in the node is what a tree claims.
        if not isinstance(details, FileDetails) or not details.here or store.size(details.content) > MAX_RECIPE:
            return ""
        return bytes(store.read(details.content, Kind.BLOB)).decode("utf-8", "replace")

    return read
