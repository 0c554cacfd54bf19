"""Read by Python at its start when this folder is on PYTHONPATH: lets unmodified yapapi scripts run without a network.

* If `SOVR_GOLEM_REGISTRY` is set, yapapi asks there about images, and not the registry on the network.
* Where setuptools has no `pkg_resources` any more, yapapi gets the one function that it uses of it.
* Where there is no event loop before one is asked for (Python 3.14), there is one after yapapi was imported.

Nothing is done before something of this is imported. Another `sitecustomize` that this one hides is run as well.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_WATCHED = ("yapapi", "yapapi.payload.vm")


class _Loader(importlib.abc.Loader):
    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        self._loader.exec_module(module)
        if module.__name__ == "yapapi":
            _make_event_loop()
        else:
            _turn_to_registry(module)

    def __getattr__(self, name):
        return getattr(self._loader, name)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name not in _WATCHED:
            return None
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self else None
            if spec is not None and spec.loader is not None:
                spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Substitute(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands at the end: it is asked only for what nobody else has."""

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name == "pkg_resources" else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        from importlib.metadata import distribution

        module.get_distribution = distribution


def _make_event_loop():
    if sys.version_info >= (3, 14):
        import asyncio

        try:
            asyncio.get_event_loop()
        except RuntimeError:
            asyncio.set_event_loop(asyncio.new_event_loop())


def _turn_to_registry(module):
    registry = os.environ.get("SOVR_GOLEM_REGISTRY")
    if registry and module.repo.__kwdefaults__:
        module.repo.__kwdefaults__["repository_url"] = registry


def _run_hidden():
    places = [place for place in sys.path if os.path.abspath(place or ".") != _HERE]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", places)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


sys.meta_path.insert(0, _Finder())
sys.meta_path.append(_Substitute())
_run_hidden()
