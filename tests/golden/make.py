"""Makes the golden vectors from the code as it is now.

    python tests/golden/make.py                  print them all
    python tests/golden/make.py --write          write the files that are not there yet
    python tests/golden/make.py --replace FILE   write FILE.json anew

A vector that changes means that pods written before cannot be read, or get other ids. `--replace` is therefore told
which file, prints what changes in it, and is for what has never been released or is described as a new version in
`docs/internals/format.md`.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys

from golden_packs import make_packs
from golden_refused import Refused, refused
from golden_vectors import BLOBS, DECODERS, FOLDER, SAMPLES, Json, pattern, to_notation

from sovrgit.errors import SovrError
from sovrgit.objects import codec
from sovrgit.objects.ids import Kind, blob_id, hash_object
from sovrgit.store.format import (
    ENTRY_HEADER_SIZE,
    PACK_HEADER_SIZE,
    read_chunk_list,
    read_entry_header,
    read_pack_header,
    read_trailer,
)


def files() -> dict[str, str]:
    """The text of every file."""
    found = {"blob": _blobs(), "pack": _packs(), "refused": _refused()}
    found |= {kind.label: _objects(kind) for kind in SAMPLES}
    return {name: json.dumps(content, indent=1, ensure_ascii=True) + "\n" for name, content in sorted(found.items())}


def _blobs() -> Json:
    vectors = []
    for name, (about, data) in BLOBS.items():
        written = {"pattern": len(data)} if len(data) > 100 and data == pattern(len(data)) else {"bytes": data.hex()}
        vectors.append({"name": name, "about": about, "data": written, "id": str(blob_id(data))})
    return {"kind": "blob", "context": None, "vectors": vectors}


def _objects(kind: Kind) -> Json:
    vectors = []
    for name, (about, value) in SAMPLES[kind].items():
        data = value.encode()
        fields = to_notation(codec.decode(data, kind=kind))
        identity = str(hash_object(kind, data))
        vectors.append({"name": name, "about": about, "value": fields, "encoding": data.hex(), "id": identity})
    return {"kind": kind.label, "context": f"sovrgit {kind.label} v1", "vectors": vectors}


def _packs() -> Json:
    vectors = []
    for name, pack in make_packs().items():
        entries = []
        offset = PACK_HEADER_SIZE
        for entry, note in zip(pack.entries, pack.notes, strict=True):
            row = {"about": note, "offset": offset, "kind": entry.kind.label, "codec": entry.codec.name.lower()}
            entries.append({**row, "depth": entry.depth, "size": entry.size, "id": str(entry.id)})
            offset += ENTRY_HEADER_SIZE + len(entry.payload)
        vectors.append(
            {
                "name": name,
                "about": pack.about,
                "class": pack.kind.name.lower(),
                "entries": entries,
                "toc": offset,
                "encoding": pack.data.hex(),
                "id": str(pack.id),
            }
        )
    return {"kind": "pack", "vectors": vectors}


def _refused() -> Json:
    vectors = []
    for case in refused():
        error = _refusal(case)
        row = {"kind": case.form, "name": case.name, "why": case.why, "encoding": case.data.hex()}
        vectors.append({**row, "error": error.code, "says": says(error)})
    return {"kind": "refused", "vectors": vectors}


def says(error: SovrError) -> str:
    """The message without what stands in brackets, which is a library's name for it."""
    return error.message.partition(" (")[0]


def _refusal(case: Refused) -> SovrError:
    try:
        read(case.form, case.data)
    except SovrError as error:
        return error
    raise AssertionError(f"{case.form}, {case.name}: accepted")


def read(form: str, data: bytes) -> object:
    """Decode an object, or a part of a pack.

    Raises:
        ObjectInvalid, UnsafeName, IntegrityFailure: if `data` is refused.
    """
    match form:
        case "encoding":
            return codec.decode(data, kind=Kind.RUN)
        case "pack header":
            return read_pack_header(data, "a pack")
        case "entry header":
            return read_entry_header(data, 0, "a pack")
        case "trailer":
            return read_trailer(data, "a pack")
        case "chunk list":
            return read_chunk_list(data, "a pack")
    return DECODERS[Kind[form.upper()]](data)


def main() -> int:
    """Print or write; 1 if a file differs from what the code makes."""
    parser = argparse.ArgumentParser(description="Make the golden vectors.")
    parser.add_argument("--write", action="store_true", help="write the files that are not there yet")
    parser.add_argument("--replace", action="append", default=[], metavar="FILE", help="write this file anew")
    options = parser.parse_args()
    made = files()
    if unknown := set(options.replace) - made.keys():
        parser.error(f"no file of vectors is called {', '.join(sorted(unknown))}")
    differing = []
    for name, text in made.items():
        path = FOLDER / f"{name}.json"
        there = path.read_text("utf-8") if path.exists() else None
        if not options.write and not options.replace:
            sys.stdout.write(text)
        elif there is None and options.write:
            path.write_text(text, "utf-8")
        elif there is not None and there != text:
            before, after = there.splitlines(keepends=True), text.splitlines(keepends=True)
            sys.stdout.writelines(difflib.unified_diff(before, after, f"{name}.json", "made now"))
            if name in options.replace:
                path.write_text(text, "utf-8")
            else:
                differing.append(name)
    if differing:
        sys.stderr.write(f"not written, because they would change: {', '.join(differing)}\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
