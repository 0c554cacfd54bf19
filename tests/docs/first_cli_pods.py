"""Puts pods onto a FairOS server as the first Sovr CLI stored them, for sessions in the documentation.

SOVR_FAIROS_URL=… python tests/docs/first_cli_pods.py USER PASSWORD
"""

from __future__ import annotations

import io
import json
import os
import sys
import zipfile

from sovrgit.credentials.logins import PasswordLogin
from sovrgit.remotes.fairos.address import ServerAddress
from sovrgit.remotes.fairos.client import FairOS

DATE = (2023, 2, 14, 12, 30, 10)
GOLEM = {"script": "script", "payload": "payload", "output": "output", "log": "logs"}
PODS = {
    "blender": {
        **{"name": "blender", "description": "Renders a .blend file", "version": "1.0", "author": "reza"},
        **{"public": True, "golem": {"exec": "python3 script/blender.py", **GOLEM}},
    },
    "draft": {
        **{"name": "draft", "description": "Not for anybody yet", "version": "0.1", "author": "reza"},
        **{"public": False, "golem": {"exec": "python3 script/draft.py", **GOLEM}},
    },
}


def packed(files: dict[str, str]) -> bytes:
    """A zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, DATE), content)
    return file.getvalue()


def main() -> None:
    """Store them."""
    user, password = sys.argv[1:]
    with FairOS(ServerAddress.parse(os.environ["SOVR_FAIROS_URL"]), PasswordLogin(user, password)) as fairos:
        for name, recipe in PODS.items():
            text = json.dumps(recipe, indent=2)
            files = {"recipe.json": text, f"script/{name}.py": "print('done')\n", "payload/scene.txt": "a cube\n"}
            archive = packed(files)
            fairos.make_pod(name)
            fairos.upload(name, "/", f"{name}.zip", archive, len(archive))
            fairos.upload(name, "/", "recipe.json", text.encode(), len(text))
        fairos.make_pod("photos")


if __name__ == "__main__":
    main()
