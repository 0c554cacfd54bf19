"""What makes yapapi work without a network, with packages that only look like it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sovrgit.devnet.golem import GolemStandIn

VM = "async def repo(*, image_hash=None, repository_url='https://registry.example'):\n    return repository_url\n"
ASKS = "import asyncio; from yapapi.payload import vm; print(asyncio.run(vm.repo()))"


def said(golem: GolemStandIn, folder: Path | str, script: str, *, registry: bool = True) -> str:
    """What a script prints, with modules of its own in a folder."""
    environ = {"PYTHONPATH": f"{golem.folder}/python:{folder}"}
    if registry:
        environ["SOVR_GOLEM_REGISTRY"] = golem.url
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.strip()


def test_images_are_asked_for_here(golem: GolemStandIn, tmp_path: Path) -> None:
    (tmp_path / "yapapi" / "payload").mkdir(parents=True)
    (tmp_path / "yapapi" / "__init__.py").touch()
    (tmp_path / "yapapi" / "payload" / "__init__.py").touch()
    (tmp_path / "yapapi" / "payload" / "vm.py").write_text(VM)
    assert said(golem, tmp_path, ASKS) == golem.url
    assert said(golem, tmp_path, ASKS, registry=False) == "https://registry.example"


def test_a_sitecustomize_that_it_hides_is_run(golem: GolemStandIn, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('hidden')")
    assert said(golem, tmp_path, "") == "hidden"


def test_two_copies_do_not_get_in_one_anothers_way(golem: GolemStandIn, tmp_path: Path) -> None:
    (tmp_path / "yapapi" / "payload").mkdir(parents=True)
    (tmp_path / "yapapi" / "__init__.py").touch()
    (tmp_path / "yapapi" / "payload" / "__init__.py").touch()
    (tmp_path / "yapapi" / "payload" / "vm.py").write_text(VM)
    (tmp_path / "sitecustomize.py").write_text("print('hidden')")
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_bytes((golem.folder / "python" / "sitecustomize.py").read_bytes())
    assert said(golem, f"{other}:{tmp_path}", ASKS) == f"hidden\n{golem.url}"


def test_packages_have_versions_without_setuptools(golem: GolemStandIn, tmp_path: Path) -> None:
    script = (
        "import sys; sys.path = [one for one in sys.path if 'setuptools' not in one];"
        "import importlib.machinery as m; found = m.PathFinder.find_spec('pkg_resources');"
        "from pkg_resources import get_distribution as g; print(g('click').version if not found else 'there')"
    )
    assert said(golem, tmp_path, script)
    (tmp_path / "pkg_resources.py").write_text("get_distribution = 'the real one'")
    assert said(golem, tmp_path, "import pkg_resources; print(pkg_resources.get_distribution)") == "the real one"
