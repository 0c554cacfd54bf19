"""The program as a pod of its own: complete, always the same, without secrets, and installed from a clone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib.metadata import PathDistribution, distribution
from pathlib import Path

import pytest

import sovrgit
from sovrgit.errors import PodExists, SecretFound, Unsupported
from sovrgit.objects.commit import Stamp
from sovrgit.pod.commits import CommitRequest, commit
from sovrgit.pod.pod import Pod
from sovrgit.pod.recipe import parse_recipe
from sovrgit.selfpod import backend, contents, persist
from sovrgit.selfpod.contents import SelfContents, self_contents
from sovrgit.selfpod.persist import REMOTE, SelfPod, SelfRequest, make_self_pod, refuse_secrets
from sovrgit.selfpod.pyproject import pyproject

ANN = Stamp("Ann", "ann@example.org", 1_700_000_000)
BEN = Stamp("Ben", "ben@example.org", 1_800_000_000)


@pytest.fixture(scope="module")
def made() -> SelfContents:
    """What the pod holds."""
    return self_contents()


@pytest.fixture(scope="module")
def source(made: SelfContents, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the pod in a folder."""
    root = tmp_path_factory.mktemp("self") / "sovr"
    made.write(root)
    return root


@pytest.fixture
def here(source: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, as the current folder: build tools work there."""
    monkeypatch.chdir(source)
    return source


# --- what is in it ------------------------------------------------------------------------------------------------


def test_the_whole_package_is_there(made: SelfContents) -> None:
    package = Path(sovrgit.__file__).parent
    for path in ("__init__.py", "commands/main.py", "ui/schemas/init.json", "templates/hello-world/script/hello.py"):
        assert made.files[f"sovrgit/{path}"] == (package / path).read_bytes()
    assert {path.partition("/")[0] for path in made.files} == {
        *("sovrgit", "script", "recipe.json", ".sovrignore"),
        *("pyproject.toml", "PKG-INFO", "README.md", "LICENSE"),
    }
    assert not any("__pycache__" in path or path.endswith(".pyc") for path in made.files)
    assert b"Apache License" in made.files["LICENSE"] and made.files["README.md"].startswith(b"# sovr")


def test_the_recipe_is_that_of_a_public_compute_pod(made: SelfContents) -> None:
    recipe = parse_recipe(made.files["recipe.json"])

    assert (recipe.name, recipe.kind, recipe.public) == (contents.NAME, "compute", True)
    assert recipe.version == sovrgit.__version__ and recipe.description
    assert recipe.golem is not None and recipe.golem.command == "python3 script/smoke.py"
    assert "script/smoke.py" in made.files and {recipe.golem.output_folder, recipe.golem.log_folder} == {*made.folders}


def test_pyproject_says_what_the_metadata_says(made: SelfContents) -> None:
    document = tomllib.loads(made.files["pyproject.toml"].decode())
    project, program = document["project"], distribution("sovrgit")

    assert document["build-system"] == {
        "requires": [],
        "build-backend": "sovrgit.selfpod.backend",
        "backend-path": ["."],
    }
    assert (project["name"], project["version"]) == ("sovrgit", sovrgit.__version__)
    assert project["scripts"] == {"sovr": "sovrgit.commands:main"}
    assert project["requires-python"] == program.metadata["Requires-Python"]
    assert set(project["classifiers"]) == set(program.metadata.get_all("Classifier") or ())
    assert {"test", "golem"} <= project["optional-dependencies"].keys()
    assert any(line.startswith("pytest>=") for line in project["optional-dependencies"]["test"])
    assert any(line.startswith("click") for line in project["dependencies"])
    listed = len(project["dependencies"]) + sum(map(len, project["optional-dependencies"].values()))
    assert listed == len(program.requires or ()) and ";" not in "".join(project["dependencies"])


METADATA = """\
Metadata-Version: 2.4
Name: Odd.Name
Version: 1.0-rc1
Summary: says "so", \\ and more
Author: Ann
Author-email: "Ben B." <ben@example.org>, cem@example.org, <dot@example.org>
Project-URL: Home page, https://example.org/a,b
Requires-Dist: plain
Requires-Dist: marked>=1; python_version < "3.12"
Requires-Dist: both>=2; (sys_platform == "linux") and extra == "more"
Requires-Dist: one; extra == 'more'
Provides-Extra: more
Provides-Extra: none

Text.
"""


def test_pyproject_of_another_program(tmp_path: Path) -> None:
    info = tmp_path / "odd-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text("[console_scripts]\nb = m:b\na = m:a\n[other]\nx = y:z\n")

    project = tomllib.loads(pyproject(PathDistribution(info), "back"))["project"]

    assert project["description"] == 'says "so", \\ and more'
    assert project["authors"] == [
        {"name": "Ann"},
        {"name": "Ben B.", "email": "ben@example.org"},
        {"email": "dot@example.org"},
    ]
    assert project["urls"] == {"Home page": "https://example.org/a,b"}
    assert project["dependencies"] == ["plain", 'marked>=1; python_version < "3.12"']
    assert project["optional-dependencies"] == {"more": ['both>=2; (sys_platform == "linux")', "one"], "none": []}
    assert list(project["scripts"]) == ["a", "b"] and "keywords" not in project


def test_fields_that_are_not_there(tmp_path: Path) -> None:
    info = tmp_path / "bare-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bare\nVersion: 1\n\n")
    # Once imported, it takes the place of the library's own reader, and raises for what is not there.
    pytest.importorskip("importlib_metadata")

    project = tomllib.loads(pyproject(PathDistribution(info), "back"))["project"]

    assert (project["name"], project["version"], project["dependencies"]) == ("bare", "1", [])
    assert "authors" not in project and "description" not in project


def test_what_was_not_installed_is_no_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sovrgit, "__version__", "9.9")
    with pytest.raises(Unsupported, match=r"it is version 9\.9, and version .* was installed") as caught:
        self_contents()
    assert caught.value.hint == "install the program again, then repeat the command"
    monkeypatch.setattr(contents, "PROGRAM", "no-such-program")
    with pytest.raises(Unsupported, match="it runs from a folder"):
        self_contents()


def test_what_runs_must_be_what_was_installed(monkeypatch: pytest.MonkeyPatch, here: Path, tmp_path: Path) -> None:
    site = _unpacked(backend.build_wheel(str(tmp_path)), tmp_path)
    (info,) = site.glob("*.dist-info")
    monkeypatch.setattr(contents, "distribution", lambda name: PathDistribution(info))

    with pytest.raises(Unsupported, match="what runs is not what was installed"):
        self_contents()
    (info / "licenses" / "LICENSE").unlink()
    with pytest.raises(Unsupported, match="its metadata is not complete"):
        self_contents()


# --- building -----------------------------------------------------------------------------------------------------


def _unpacked(wheel: str, folder: Path) -> Path:
    site = folder / "site"
    with zipfile.ZipFile(folder / wheel) as archive:
        archive.extractall(site)
    return site


def test_the_wheel_has_everything(here: Path, made: SelfContents, tmp_path: Path) -> None:
    name = backend.build_wheel(str(tmp_path))

    assert name == f"sovrgit-{sovrgit.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(tmp_path / name) as wheel:
        assert wheel.testzip() is None
        found = {entry.filename: wheel.read(entry) for entry in wheel.infolist()}
    info = f"sovrgit-{sovrgit.__version__}.dist-info/"
    assert {path: data for path, data in found.items() if not path.startswith(info)} == {
        path: data for path, data in made.files.items() if path.startswith("sovrgit/")
    }
    assert found[f"{info}METADATA"] == made.files["PKG-INFO"]
    assert found[f"{info}licenses/LICENSE"] == made.files["LICENSE"]
    assert found[f"{info}entry_points.txt"] == b"[console_scripts]\nsovr = sovrgit.commands:main\n"
    assert len(found[f"{info}RECORD"].splitlines()) == len(found)


def test_the_same_version_makes_the_same_wheel(here: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (here / "sovrgit" / "__pycache__").mkdir(exist_ok=True)
    (here / "sovrgit" / "__pycache__" / "x.pyc").write_bytes(b"x")

    name = backend.build_wheel(str(tmp_path / "a"))
    for path in here.rglob("*.py"):
        os.utime(path, (1, 1))

    assert backend.build_wheel(str(tmp_path / "b")) == name
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_an_installed_copy_makes_the_same_pod(here: Path, made: SelfContents, tmp_path: Path) -> None:
    site = _unpacked(backend.build_wheel(str(tmp_path)), tmp_path)
    script = (
        "import sys, pathlib; from sovrgit.selfpod.contents import self_contents; "
        "self_contents().write(pathlib.Path(sys.argv[1]))"
    )

    subprocess.run(
        [sys.executable, "-c", script, tmp_path / "again"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        check=True,
    )

    assert _read(tmp_path / "again") == dict(made.files)


def _read(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_source_distribution_is_the_pod(here: Path, made: SelfContents, tmp_path: Path) -> None:
    name = backend.build_sdist(str(tmp_path))

    with tarfile.open(tmp_path / name) as archive:
        archive.extractall(tmp_path, filter="data")
    found = _read(tmp_path / name.removesuffix(".tar.gz"))
    assert found == {path: data for path, data in made.files.items() if path != ".sovrignore"}


def test_an_editable_install_leads_back(here: Path, tmp_path: Path) -> None:
    site = _unpacked(backend.build_editable(str(tmp_path)), tmp_path)

    assert (site / "_sovrgit.pth").read_text() == f"{here}\n" and not (site / "sovrgit").exists()


# --- secrets ------------------------------------------------------------------------------------------------------


def _with(made: SelfContents, files: Mapping[str, bytes]) -> SelfContents:
    return replace(made, files={**made.files, **files})


def test_secrets_are_refused(made: SelfContents) -> None:
    refuse_secrets(made)
    spoilt = _with(made, {"sovrgit/creds.json": b'{"password": "engine"}', "sovrgit/x/.env": b"A=1\n"})

    with pytest.raises(SecretFound, match=r"`sovrgit/creds\.json` line 1 .*, `sovrgit/x/\.env`") as caught:
        refuse_secrets(spoilt)
    assert "engine" not in str(caught.value)
    with pytest.raises(SecretFound):
        refuse_secrets(spoilt, [b"sovrgit/x"])
    refuse_secrets(spoilt, [b"sovrgit/x", b"sovrgit/creds.json"])


# --- the pod ------------------------------------------------------------------------------------------------------


@pytest.fixture
def quick(made: SelfContents, monkeypatch: pytest.MonkeyPatch) -> SelfContents:
    """A smaller pod, and writing that need not survive a power failure."""
    small = {path: data for path, data in made.files.items() if not path.startswith("sovrgit/") or "selfpod" in path}
    kept = replace(made, files=small)
    monkeypatch.setattr(persist, "self_contents", lambda: kept)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return kept


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[list[SelfPod]]:
    """Pods that are closed in the end."""
    made: list[SelfPod] = []
    yield made
    for each in made:
        each.pod.close()


def _make(pods: list[SelfPod], folder: Path, location: Path | None = None, author: Stamp = ANN) -> SelfPod:
    request = SelfRequest(folder.parent, None if location is None else str(location), author, author.time * 10**9)
    pods.append(make_self_pod(folder, request))
    return pods[-1]


def _push(made: SelfPod) -> None:
    from sovrgit.actions import push_pod

    push_pod(made.pod, REMOTE, time_ns=ANN.time * 10**9)


def test_the_tree_is_the_same_whoever_makes_it(quick: SelfContents, pods: list[SelfPod], tmp_path: Path) -> None:
    one, two = _make(pods, tmp_path / "one"), _make(pods, tmp_path / "two", author=BEN)

    assert one.tree == two.tree and one.commit != two.commit and one.is_new and two.is_new
    assert one.pod.store.commit(one.commit).message == f"sovr {sovrgit.__version__}"
    assert _read_pod(one) == dict(quick.files)
    assert {entry.name for entry in one.pod.store.tree(one.tree).entries} >= {b"output", b"logs"}


def _read_pod(made: SelfPod) -> dict[str, bytes]:
    return {path: data for path, data in _read(made.pod.root).items() if not path.startswith(".sovr/")}


def test_versions_follow_one_another(
    quick: SelfContents, pods: list[SelfPod], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _make(pods, tmp_path / "first", tmp_path / "remote")
    _push(first)
    again = _make(pods, tmp_path / "again", tmp_path / "remote", BEN)
    assert (again.commit, again.is_new) == (first.commit, False)
    newer = replace(_with(quick, {"sovrgit/new.py": b"new"}), version="9.9")
    monkeypatch.setattr(persist, "self_contents", lambda: newer)

    second = _make(pods, tmp_path / "second", tmp_path / "remote", BEN)
    _push(second)

    made = second.pod.store.commit(second.commit)
    assert made.parents == (first.commit,) and made.message == "sovr 9.9" and second.is_new
    assert _read_pod(second) == dict(newer.files)


def test_another_pod_is_left_alone(quick: SelfContents, pods: list[SelfPod], tmp_path: Path) -> None:
    from sovrgit.actions import push_pod
    from sovrgit.remotes.locations import add_remote

    with Pod.create(tmp_path / "other") as other:
        (tmp_path / "other" / "recipe.json").write_text('{"name": "mine", "golem": {"exec": "true"}}')
        commit(other, CommitRequest(ANN, "Mine"))
        add_remote(other, "origin", str(tmp_path / "remote"), tmp_path)
        push_pod(other, "origin", time_ns=1)

    (tmp_path / "empty").mkdir()
    for folder in ("self", "empty"):
        with pytest.raises(PodExists, match=r"remote` holds another pod"):
            _make(pods, tmp_path / folder, tmp_path / "remote")
    assert not (tmp_path / "self").exists() and os.listdir(tmp_path / "empty") == []


def test_a_folder_with_files_is_left_alone(quick: SelfContents, pods: list[SelfPod], tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("mine")

    with pytest.raises(PodExists, match="exists and is not an empty folder"):
        _make(pods, tmp_path / "kept")
    assert os.listdir(tmp_path / "kept") == ["file"]


def test_nothing_is_made_of_secrets(
    quick: SelfContents, pods: list[SelfPod], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = _with(quick, {"sovrgit/creds.json": b'{"password": "engine"}'})
    monkeypatch.setattr(persist, "self_contents", lambda: spoilt)

    with pytest.raises(SecretFound):
        _make(pods, tmp_path / "self", tmp_path / "remote")
    assert os.listdir(tmp_path) == []


# --- what becomes of it -------------------------------------------------------------------------------------------


def test_pip_installs_it_without_an_index(made: SelfContents, source: Path, tmp_path: Path) -> None:
    pytest.importorskip("pip", reason="this Python has no pip")
    venv.create(tmp_path / "environment")
    python = tmp_path / "environment" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "-q"]

    subprocess.run([*pip, "install", "--no-index", "--no-deps", source], check=True, cwd=tmp_path)

    code = "import sovrgit, importlib.metadata as m; print(sovrgit.__file__, m.version('sovrgit'))"
    said = subprocess.run([python, "-c", code], check=True, cwd=tmp_path, capture_output=True, text=True).stdout.split()
    assert Path(said[0]).is_relative_to(tmp_path / "environment") and said[1] == sovrgit.__version__
    assert (tmp_path / "environment" / "bin" / "sovr").exists()
    assert _read(source).keys() - made.files.keys() <= {path for path in _read(source) if path.endswith(".pyc")}


def test_its_recipe_tries_it(made: SelfContents, tmp_path: Path) -> None:
    made.write(tmp_path / "pod")

    ended = subprocess.run(
        [sys.executable, "script/smoke.py"], cwd=tmp_path / "pod", capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.endswith(f"sovr {sovrgit.__version__} works\n")
    result = json.loads((tmp_path / "pod" / "output" / "smoke.json").read_text())
    assert (result["version"], result["greeting"]) == (sovrgit.__version__, "Hello, World!\n")
