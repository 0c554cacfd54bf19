"""The front before `gftp`, a program of its own: every request goes to the real one, and its answer comes back.

It is started as `python -I -S gftp.py NOTES REAL ARGUMENTS…`, with the standard library only, to be there at once.
NOTES gets a JSON line for each file that was made reachable: {"at": ns, "what": "publish", "path", "url", "sha3_256",
"size"} or {"at": ns, "what": "receive", "path", "url"}, and {"at": ns, "what": "close", "url"} when one no longer is.
"""

import json
import os
import signal
import subprocess
import sys
import time


def note(file: int, **fields: object) -> None:
    """Write a line, whole: several scripts may have a front each."""
    os.write(file, (json.dumps({"at": time.time_ns(), **fields}) + "\n").encode("utf-8", "surrogateescape"))


def look(file: int, request: bytes, answer: bytes) -> None:
    """Note what came of a request."""
    try:
        asked, given = json.loads(request), json.loads(answer)
        method, result = asked.get("method"), given.get("result")
        if method == "publish":
            for one in result:
                url = one["url"]
                # The address of what is sent ends with the SHA3-256 of its content.
                size = os.stat(one["file"]).st_size
                path = os.path.abspath(one["file"])
                note(file, what="publish", path=path, url=url, sha3_256=url.rpartition("/")[2], size=size)
        elif method == "receive":
            note(file, what="receive", path=os.path.abspath(result["file"]), url=result["url"])
        elif method == "close":
            for url in asked["params"]["urls"]:
                note(file, what="close", url=url)
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        # The script gets its answer whatever we make of it, and the note tells that something is missing.
        note(file, what="odd", reason=f"{type(error).__name__}: {error}")


def main() -> int:
    """Pass on, line by line, until either side has nothing more to say."""
    notes, real, *arguments = sys.argv[1:]
    if arguments != ["server"]:
        os.execv(real, [real, *arguments])
    # Ctrl-C is for the script: it has to end agreements, and may need files until it has.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    file = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with subprocess.Popen([real, "server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None
        try:
            for request in sys.stdin.buffer:
                if not request.strip():
                    continue
                child.stdin.write(request)
                child.stdin.flush()
                answer = child.stdout.readline()
                if not answer:
                    break
                look(file, request, answer)
                sys.stdout.buffer.write(answer)
                sys.stdout.buffer.flush()
        except BrokenPipeError:
            pass  # the script, or the real one, has ended; so does this
        finally:
            child.stdin.close()
            child.wait()
    return child.returncode


if __name__ == "__main__":
    sys.exit(main())
