"""Object identity: ids, the canonical encoding and the object kinds.

Pure: no files, no network, no clock. The byte-exact specification is `docs/internals/format.md`; it, the golden
vectors in `tests/golden/` and this package change in one commit.
"""

from sovrgit.objects.ids import Kind, ObjectId, blob_id, hash_object

__all__ = ["Kind", "ObjectId", "blob_id", "hash_object"]
