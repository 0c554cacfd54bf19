"""The shell script that runs a declared task at a provider, in whatever image: it needs `sh`, `tar`, `wc` and `head`.

Its argument is the folder of the job. It always ends with 0, so that the exit code of the job is a result and not the
failure of a provider. What it leaves in `.sovr-job`: `code` (the exit code, or `setup` and what could not be prepared),
`stdout`, `stderr`, `output.tar`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

WORK = "/golem/work"
"""The folder of the job at the provider; most images have it as a volume, and files can go only there."""

BOX = ".sovr-job"
"""The folder in it that is ours."""

_SCRIPT = """\
#!/bin/sh
# Runs one task of a declared job; made by sovr.
work=$1
box=$work/{box}
echo 'setup the wrapper was interrupted' > "$box/code"
: > "$box/stdout"
: > "$box/stderr"
refuse() {{ echo "setup $1" > "$box/code"; exit 0; }}
cd "$work" || refuse "there is no $work"
# What the task before has left must not be seen by this one. One process removes all of it: there are many short tasks.
set -- "$box/output.tar" "$box/env"
for left in * .[!.]* ..?*; do
    [ "$left" = {box} ] || set -- "$@" "$left"
done
rm -rf -- "$@" 2>> "$box/stderr"
command -v tar > /dev/null || refuse 'the image has no tar'
for part in common task; do
    tar -xf "$box/$part.tar" 2>> "$box/stderr" || refuse 'the input could not be unpacked'
done
mkdir -p {folders} || refuse 'the folders could not be made'
. "$box/env" || refuse 'the environment could not be set'
( {command} ) > "$box/stdout" 2> "$box/stderr" < /dev/null
code=$?
for text in stdout stderr; do
    if [ "$(wc -c < "$box/$text")" -gt {most} ]; then
        head -c {most} "$box/$text" > "$box/cut"
        printf '\\n[sovr: cut off here, after {most} bytes]\\n' >> "$box/cut"
        mv "$box/cut" "$box/$text"
    fi
done
cd "$work" || refuse "the job removed $work"
[ -d {output} ] || mkdir -p {output}
tar -cf "$box/output.tar" {output} 2>> "$box/stderr" || refuse 'the output could not be packed'
echo "$code" > "$box/code"
"""


def wrapper(command: Sequence[str], output: str, folders: Sequence[str], most_text: int) -> bytes:
    """The script. `[@]` in the command stands for the folder of the job.

    Args:
        output: the folder whose content is the result.
        folders: those that the job may expect to be there.
        most_text: bytes of standard output and standard error that are kept of each.
    """
    argv = ['"$work"/'.join(shlex.quote(piece) if piece else "" for piece in part.split("[@]")) for part in command]
    return _SCRIPT.format(
        box=BOX,
        command="exec " + " ".join(word or "''" for word in argv),
        folders=shlex.join(["--", *folders]),
        output=shlex.quote(f"./{output}"),
        most=most_text,
    ).encode("utf-8", "surrogateescape")


def environment(variables: Mapping[str, str]) -> bytes:
    """What the script reads to set the environment of the job."""
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in sorted(variables.items())]
    return ("".join(lines) + ":\n").encode("utf-8", "surrogateescape")
