"""Places that hold packs and a manifest, and the transfer to and from them.

A remote is dumb: it stores bytes under names. What to send, verification, retry, resume and progress are written once,
in `push` and `fetch`.
"""
