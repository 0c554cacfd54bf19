"""New pods from answers and from templates."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

import sovrgit
from sovrgit.commands import init
from sovrgit.errors import PathNotFound, PodExists, ReadOnly, RecipeInvalid, StorageFailure
from sovrgit.pod.recipe import ExternalPayload, parse_recipe, recipe_warnings
from sovrgit.pod.scaffold import IGNORE_DEFAULTS, TEMPLATES, new_recipe, write_skeleton, write_template

SHIPPED = Path(sovrgit.__file__).parent / "templates"
FIRST_CLI_KEYS = ["name", "description", "version", "author", "public", "golem"]
FIRST_CLI_GOLEM_KEYS = ["exec", "script", "payload", "output", "log"]

needs_scikit_learn = pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed"
)


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def folders_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_dir())


def run(pod: Path, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", *options, f"script/{script}"]
    return subprocess.run(command, cwd=pod, capture_output=True, text=True, timeout=60, check=False)


def output_of(pod: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (pod / "output").iterdir()}


# --- recipes from answers -------------------------------------------------------------------------------------


def test_a_new_pod_has_the_keys_of_the_first_wizard_in_its_order() -> None:
    data = new_recipe(name=" blënder ", description="d", author="me", public=True, exec="python3 script/main.py")
    assert data.decode() == (
        '{\n  "name": "blënder",\n  "description": "d",\n  "author": "me",\n  "version": "1.0",\n  "public": true,\n'
        '  "golem": {\n    "exec": "python3 script/main.py",\n    "payload": "payload",\n    "output": "output",\n'
        '    "logs": "logs"\n  }\n}\n'
    )
    assert recipe_warnings(parse_recipe(data)) == []


def test_a_new_pod_with_external_payload() -> None:
    data = new_recipe(name="a", exec="x", external=[ExternalPayload("r", "/data.zip")])
    assert json.loads(data)["golem"]["payload"] == [{"ref": "r", "data": "/data.zip"}]


def test_a_new_task_and_a_new_data_pod() -> None:
    keys = ["name", "description", "author", "version", "public"]
    assert list(json.loads(new_recipe(name="a", kind="task", pods=["x"]))) == [*keys, "pods"]
    assert list(json.loads(new_recipe(name="a", kind="data"))) == keys


@pytest.mark.parametrize(("name", "command"), [("", "x"), ("a/b", "x"), ("a", ""), ("a\udcff", "x")])
def test_answers_that_make_no_recipe_are_refused(name: str, command: str) -> None:
    with pytest.raises(RecipeInvalid):
        new_recipe(name=name, exec=command)


# --- folders --------------------------------------------------------------------------------------------------


def test_a_skeleton_has_the_folders_of_its_recipe(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "pod"
    assert write_skeleton(folder, new_recipe(name="a", exec="x")) == (".sovrignore", "recipe.json")
    assert folders_in(folder) == ["logs", "output", "payload", "script"]
    assert files_in(folder) == [".sovrignore", "recipe.json"]


def test_a_skeleton_follows_the_names_in_the_recipe(tmp_path: Path) -> None:
    recipe = {"name": "a", "golem": {"exec": "x", "script": "bin", "payload": ".", "output": {"share": "out/share"}}}
    write_skeleton(tmp_path, json.dumps(recipe).encode())
    assert folders_in(tmp_path) == ["bin", "logs", "out", "out/share"]


def test_a_task_and_a_data_pod_have_no_folders(tmp_path: Path) -> None:
    write_skeleton(tmp_path / "task", new_recipe(name="a", kind="task", pods=["x"]))
    write_skeleton(tmp_path / "data", new_recipe(name="a", kind="data"))
    assert folders_in(tmp_path) == ["data", "task"]


def test_a_skeleton_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text("mine")
    with pytest.raises(PodExists) as caught:
        write_skeleton(tmp_path, new_recipe(name="a", exec="x"))
    assert caught.value.message == f"`{tmp_path}` has a `recipe.json` already"
    assert files_in(tmp_path) == ["recipe.json"]
    assert folders_in(tmp_path) == []


def test_ignore_rules_that_are_there_are_kept(tmp_path: Path) -> None:
    (tmp_path / ".sovrignore").write_text("mine\n")
    assert write_skeleton(tmp_path, new_recipe(name="a", exec="x")) == ("recipe.json",)
    assert (tmp_path / ".sovrignore").read_text() == "mine\n"


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "pod"
    folder.mkdir()
    (folder / "recipe.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(PodExists):
        write_skeleton(folder, new_recipe(name="a", exec="x"))
    assert not (tmp_path / "elsewhere.json").exists()


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("x")
    with pytest.raises(StorageFailure):
        write_skeleton(tmp_path, new_recipe(name="a", exec="x"))
    assert not (tmp_path / "recipe.json").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ReadOnly):
        write_skeleton(tmp_path / "pod", new_recipe(name="a", exec="x"))


def test_the_ignore_rules_leave_out_litter_and_keep_results() -> None:
    from sovrgit.pod.ignore import IgnoreRules

    rules = IgnoreRules("", IGNORE_DEFAULTS.encode(), None)
    for path in ("script/a.pyc", ".DS_Store", "payload/.DS_Store", "creds.json", ".env", "a~"):
        assert rules.ignores(path, False), path
    for path in ("script/__pycache__", ".venv", ".git"):
        assert rules.ignores(path, True), path
    for path in ("recipe.json", ".sovrignore", "script/main.py", "output/a.png", "logs/a.log", "payload/x.env"):
        assert not rules.ignores(path, False), path


# --- templates ------------------------------------------------------------------------------------------------


def test_every_template_is_listed() -> None:
    assert sorted(TEMPLATES) == sorted(path.name for path in SHIPPED.iterdir() if path.is_dir())


@pytest.mark.parametrize("template", [name for name in TEMPLATES if name != "model-bench"])
def test_a_template_is_a_valid_pod(template: str, tmp_path: Path) -> None:
    written = write_template(template, tmp_path)
    assert list(written) == files_in(tmp_path)
    assert {".sovrignore", "README.md", "recipe.json"} <= set(written)
    assert not any("__pycache__" in path for path in written)
    assert [name for name in folders_in(tmp_path) if "/" not in name] == ["logs", "output", "payload", "script"]
    assert os.listdir(tmp_path / "output") == []
    data = (tmp_path / "recipe.json").read_bytes()
    recipe = parse_recipe(data)
    assert recipe.name == template
    assert recipe_warnings(recipe) == []
    assert list(json.loads(data)) == FIRST_CLI_KEYS
    known = [key for key in json.loads(data)["golem"] if key in FIRST_CLI_GOLEM_KEYS]
    assert known == [key for key in FIRST_CLI_GOLEM_KEYS if key in known] and set(FIRST_CLI_GOLEM_KEYS) - {
        "exec"
    } <= set(known)
    assert data == (SHIPPED / template / "recipe.json").read_bytes()


def test_the_template_of_a_task_has_its_pods_in_it(tmp_path: Path) -> None:
    written = write_template("model-bench", tmp_path)
    assert list(written) == files_in(tmp_path)
    data = (tmp_path / "recipe.json").read_bytes()
    recipe = parse_recipe(data)
    assert recipe.kind == "task" and recipe.name == "model-bench" and recipe.pods is not None
    assert recipe_warnings(recipe) == []
    assert data == (SHIPPED / "model-bench" / "recipe.json").read_bytes()
    for pod in recipe.pods:
        inner = parse_recipe((tmp_path / pod.ref / "recipe.json").read_bytes())
        assert inner.name == pod.name and inner.kind == "compute" and recipe_warnings(inner) == []
        assert inner.golem is not None and inner.golem.command is not None
        # It does the same on this machine and elsewhere.
        assert inner.golem.run is not None and inner.golem.command.split() == list(inner.golem.run)


def test_a_template_takes_name_and_author(tmp_path: Path) -> None:
    write_template("hello-world", tmp_path, name="grüße", author="Ada")
    recipe = parse_recipe((tmp_path / "recipe.json").read_bytes())
    assert (recipe.name, recipe.author) == ("grüße", "Ada")
    assert "grüße" in (tmp_path / "recipe.json").read_text("utf-8")


def test_a_template_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "script").mkdir()
    (tmp_path / "script" / "hello.py").write_text("mine")
    with pytest.raises(PodExists):
        write_template("hello-world", tmp_path)
    assert files_in(tmp_path) == ["script/hello.py"]


def test_a_bad_name_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(RecipeInvalid):
        write_template("hello-world", tmp_path / "pod", name="a/b")
    assert not (tmp_path / "pod").exists()


@pytest.mark.parametrize("template", ["unknown", "../pod", ""])
def test_an_unknown_template(template: str, tmp_path: Path) -> None:
    with pytest.raises(PathNotFound) as caught:
        write_template(template, tmp_path / "pod")
    assert caught.value.hint is not None and caught.value.hint.startswith("the templates are `hello-world`, `digits`, ")


def test_a_template_keeps_what_can_be_executed(tmp_path: Path) -> None:
    write_template("blender", tmp_path)
    assert os.access(tmp_path / "script" / "devnet" / "golem" / "entrypoints" / "run-blender.sh", os.X_OK)
    assert not os.access(tmp_path / "script" / "blender.py", os.X_OK)


def test_the_help_names_every_template() -> None:
    (said,) = [one.help for one in init.command.params if isinstance(one, click.Option) and one.name == "template"]
    said = (said or "").removeprefix("Begin with a template: ").removesuffix(".")
    assert said.replace(" or ", ", ").split(", ") == list(TEMPLATES)


def test_hello_world_greets_and_repeats_itself(tmp_path: Path) -> None:
    write_template("hello-world", tmp_path)
    assert run(tmp_path, "hello.py").returncode == 0
    assert (tmp_path / "output" / "greeting.txt").read_bytes() == b"Hello, World!\n"
    (tmp_path / "payload" / "name.txt").write_text("Ada\n")
    assert run(tmp_path, "hello.py").returncode == 0
    assert (tmp_path / "output" / "greeting.txt").read_bytes() == b"Hello, Ada!\n"


@needs_scikit_learn
def test_digits_leaves_the_same_bytes_in_every_run_and_folder(tmp_path: Path) -> None:
    outputs = []
    for folder in (tmp_path / "one", tmp_path / "another place"):
        write_template("digits", folder)
        result = run(folder, "train.py")
        assert result.returncode == 0, result.stderr
        outputs.append(output_of(folder))
    first = tmp_path / "one"
    assert run(first, "train.py").returncode == 0
    outputs.append(output_of(first))
    assert sorted(outputs[0]) == ["confusion.png", "metrics.json", "predictions.csv"]
    assert outputs[0] == outputs[1] == outputs[2]

    metrics = json.loads((first / "output" / "metrics.json").read_text())
    rows = (first / "output" / "predictions.csv").read_text().splitlines()[1:]
    right = sum(row.split(",")[1] == row.split(",")[2] for row in rows)
    assert metrics["accuracy"] > 0.97
    assert metrics["accuracy"] == round(right / len(rows), 6)
    assert sum(map(sum, metrics["confusion"])) == metrics["test_rows"] == len(rows)


@needs_scikit_learn
def test_digits_follows_its_settings(tmp_path: Path) -> None:
    write_template("digits", tmp_path)
    settings = tmp_path / "payload" / "settings.json"
    settings.write_text(json.dumps({"model": "neighbours", "neighbours": 3, "test_fraction": 0.1, "seed": 1}))
    assert run(tmp_path, "train.py").returncode == 0
    assert json.loads((tmp_path / "output" / "metrics.json").read_text())["test_rows"] == 180
    settings.write_text(json.dumps({"model": "neighbours", "test_fraction": 0.1, "seed": 1}))
    result = run(tmp_path, "train.py")
    assert (result.returncode, result.stderr) == (1, "payload/settings.json: the setting `neighbours` is missing\n")


def test_digits_without_scikit_learn_says_what_to_install(tmp_path: Path) -> None:
    write_template("digits", tmp_path)
    result = run(tmp_path, "train.py", "-S")  # no site-packages
    assert result.returncode == 3
    assert "pip install 'sovrgit[digits]'" in result.stderr
    assert "Traceback" not in result.stderr


@needs_scikit_learn
def test_the_digits_are_those_that_scikit_learn_gives_out(tmp_path: Path) -> None:
    load_digits = importlib.import_module("sklearn.datasets").load_digits
    shipped = gzip.decompress((SHIPPED / "digits" / "payload" / "digits.csv.gz").read_bytes()).decode().splitlines()
    data = load_digits()
    expected = [
        ",".join(str(int(number)) for number in (*pixels, digit))
        for pixels, digit in zip(data.data, data.target, strict=True)
    ]
    assert shipped == expected


@needs_scikit_learn
def test_the_chart_is_a_png_that_others_can_read(tmp_path: Path) -> None:
    """Decoded by hand: dimensions, the checksum of every chunk, and the length of the image data."""
    import struct
    import zlib

    write_template("digits", tmp_path)
    assert run(tmp_path, "train.py").returncode == 0
    data = (tmp_path / "output" / "confusion.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(kind + body),)
        chunks[kind] = body
        at += length + 12
    width, height, depth, colour = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert (depth, colour, len(chunks[b"PLTE"])) == (4, 3, 48)
    assert len(zlib.decompress(chunks[b"IDAT"])) == height * (1 + width // 2)
