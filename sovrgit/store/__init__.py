"""Where objects are kept: packs, the catalogue that finds things in them, chunking and compression.

Knows nothing of folders under version control, refs or remotes. `docs/internals/format.md` describes the files.
"""
