"""The template pods of the first Sovr CLI, unmodified, on the devnet.

They are not part of this project: `SOVR_TEST_FIRST_CLI` names a copy of its repository. Images of a few lines take the
place of Blender and TensorFlow. `test_golem_templates.py` runs pods of our own that do the same.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from golem_lab import PAYMENT, Requestor
from test_golem_yapapi import PYTHON, needs_yapapi

import sovrgit
from sovrgit.devnet.golem import GolemStandIn
from sovrgit.pod.recipe import expand_exec

GIVEN = os.environ.get("SOVR_TEST_FIRST_CLI")
PODS = Path(GIVEN or ".") / "src" / "templates" / "pods"
MODELS = ("densenet201", "inception_resnet_v2", "nasnet_large", "resnet152v2", "xception")
BLENDER = "9a3b5d67b0b27746283cb5f287c13eab1beaa12d92a9f536b747c7ae"
RENDERER = Path(sovrgit.__file__).parent / "templates" / "blender" / "script" / "devnet"
pytestmark = [needs_yapapi, pytest.mark.skipif(GIVEN is None, reason="SOVR_TEST_FIRST_CLI names no repository")]

# Every name that a classifier of the pods takes from TensorFlow, NumPy and Pillow leads here.
EVERYTHING = """
import importlib.machinery, sys, types

class Number(float):
    def astype(self, kind):
        return kind(self)

class Anything(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self
    def __call__(self, *given, **named):
        return self
    def resize(self, size):
        return self
    mode = "RGB"
    def decode_predictions(self, found):
        return [[("n1", "cat", Number(0.75)), ("n2", "dog", Number(0.25))]]

class Finder:
    def find_spec(self, name, path=None, target=None):
        known = name.split(".")[0] in ("tensorflow", "numpy", "PIL")
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if known else None
    def create_module(self, spec):
        return Anything(spec.name)
    def exec_module(self, module):
        pass

sys.meta_path.insert(0, Finder())
"""


def classifier_image(folder: Path) -> Path:
    """An image in which Python finds what takes the place of TensorFlow."""
    packages = folder / "root" / ".local" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    packages.mkdir(parents=True)
    (packages / "usercustomize.py").write_text(EVERYTHING)
    return folder


def play(golem: GolemStandIn, pod: Path) -> str:
    """What the command of a pod prints that is run as the first CLI runs it."""
    recipe = json.loads((pod / "recipe.json").read_text())
    for folder in ("output", "logs"):
        (pod / folder).mkdir(exist_ok=True)
    argv = expand_exec(recipe["golem"]["exec"], str(pod))
    assert argv[0] == "python3" and PYTHON is not None
    script = f'. "{golem.folder}/env"; exec "$0" "$@"'
    command = ["/bin/sh", "-c", script, PYTHON, *argv[1:]]
    environ = {"PATH": os.defpath, "HOME": str(pod)}
    done = subprocess.run(command, cwd=pod, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def started(folder: Path, images: dict[str, Path]) -> GolemStandIn:
    made = GolemStandIn(folder)
    if made.sandbox == "none" and images:
        made.close()
        pytest.skip(f"no namespaces on this machine: {made.reason}")
    made.close()
    return GolemStandIn(folder, images=images)


def test_hello_world(tmp_path: Path) -> None:
    pod = tmp_path / "pod"
    shutil.copytree(PODS / "hello-world", pod)
    with started(tmp_path / "golem", {}) as golem:
        assert play(golem, pod).strip()
        bills = Requestor(golem).get(f"{PAYMENT}/invoices")
    assert [bill["status"] for bill in bills] == ["SETTLED"] and (pod / "logs" / "hello.log").stat().st_size


def test_blender(tmp_path: Path) -> None:
    pod = tmp_path / "pod"
    shutil.copytree(PODS / "blender", pod)
    with started(tmp_path / "golem", {BLENDER: RENDERER}) as golem:
        assert "6 tasks computed" in play(golem, pod)
    for frame in range(0, 60, 10):
        assert (pod / "output" / f"output_{frame}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("model", MODELS)
def test_keras(tmp_path: Path, model: str) -> None:
    pod = tmp_path / "pod"
    shutil.copytree(PODS / "ml" / model, pod)
    images = pod / "payload" / "external" / "images"
    images.mkdir(parents=True)
    (images / "one.jpg").write_bytes(b"a picture")
    hashes = set(re.findall(r"\b[0-9a-f]{56}\b", (pod / "script" / "script.py").read_text()))
    image = classifier_image(tmp_path / "image")
    with started(tmp_path / "golem", dict.fromkeys(hashes, image)) as golem:
        assert "1 tasks computed" in play(golem, pod)
    assert json.loads((pod / "output" / "preds.json").read_text()) == {"0": [["n1", "cat", 0.75], ["n2", "dog", 0.25]]}
    assert (pod / "logs" / "log").read_text() == ""
