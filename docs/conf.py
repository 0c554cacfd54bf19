"""How the documentation is built: `sphinx-build -W docs docs/_build`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

from sovrgit import __version__  # noqa: E402 - the package is found by the line above

project = "sovrgit"
author = copyright = "The sovrgit maintainers"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sovr_reference"]
exclude_patterns = [
    "_build",
    "_ext",
    "benchmarks-table.md",
    "fairos-benchmarks-table.md",
    "history-benchmarks-table.md",
]
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["misc.highlighting_failure"]  # sessions hold output that no lexer knows

nitpicky = True
# The library's own types are documented where they are defined, and not on these pages.
nitpick_ignore_regex = [(r"py:.*", r".*")]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"sovr {release}"
html_static_path = ["_static"]
html_copy_source = False
html_show_sphinx = False
