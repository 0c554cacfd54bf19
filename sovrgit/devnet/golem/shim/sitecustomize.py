"""Read by Python at its start when this folder is on PYTHONPATH: lets unmodified yapapi scripts run without a network.

* If `SOVR_GOLEM_REGISTRY` is set, yapapi asks there about images, and not the registry on the network.
* Where setuptools has no `pkg_resources` any more, yapapi gets the one function that it uses of it.
* Where there is no event loop before one is asked for (Python 3.14), there is one after yapapi was imported.
* If `SOVR_GOLEM_EVENTS` names a file, every `yapapi.Golem` also tells it, a JSON object a line, of all its events.

Nothing is done before something of this is imported. Another `sitecustomize` that this one hides is run as well.
"""

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
import time

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
            _record_events(module)
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


def _record_events(module):
    path = os.environ.get("SOVR_GOLEM_EVENTS")
    if not path:
        return
    made = module.Golem.__init__

    @functools.wraps(made)
    def make(self, *args, **kwargs):
        made(self, *args, **kwargs)
        try:
            self.add_event_consumer(_Recorder(path))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the script must not notice
            print(f"sovr: the events of yapapi are not recorded: {error!r}", file=sys.stderr)  # noqa: T201

    module.Golem.__init__ = make


# What is kept of an event, and where it is found. What an event does not have is left out.
_KEPT = (
    ("job", "job.id"),
    ("subscription", "subscription.id"),
    ("proposal", "proposal.id"),
    ("issuer", "proposal.issuer"),
    ("agreement", "agreement.id"),
    ("provider", "provider_id"),
    ("provider_name", "provider_info.name"),
    ("activity", "activity.id"),
    ("task", "task.id"),
    ("data", "task.data"),
    ("script", "script.id"),
    ("command", "command"),
    ("success", "success"),
    ("message", "message"),
    ("stdout", "stdout"),
    ("stderr", "stderr"),
    ("output", "output"),
    ("step", "step"),
    ("progress", "progress"),
    ("unit", "unit"),
    ("path", "path"),
    ("reason", "reason"),
    ("result", "result"),
    ("timeout", "timeout"),
    ("debit_note", "debit_note.debit_note_id"),
    ("due", "debit_note.total_amount_due"),
    ("invoice", "invoice.invoice_id"),
    ("amount", "invoice.amount"),
    ("error", "exception"),
    ("old", "old"),
    ("new", "new"),
)
_KEPT_OF = {
    "AgreementConfirmed": (
        ("offer", "agreement.details.raw_details.offer.properties"),
        ("demand", "agreement.details.raw_details.demand.properties"),
    ),
    "ScriptSent": (("commands", "cmds"),),
}
_LONGEST = 64 << 10


class _Recorder:
    """Appends a line for every event. It is stamped here: the time that yapapi gives to all of them is its import."""

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._key = os.environ.get("YAGNA_APPKEY", "")

    def __call__(self, event):
        row = {"at": time.time_ns(), "event": type(event).__name__}
        try:
            for name, path in (*_KEPT, *_KEPT_OF.get(row["event"], ())):
                value = _dig(event, path)
                if value is not None:
                    row[name] = value
            line = json.dumps(_plain(row))
        except Exception as error:  # noqa: BLE001 - an event that is not understood is still one
            line = json.dumps({"at": row["at"], "event": row["event"], "unreadable": repr(error)[:1000]})
        try:
            os.write(self._file, ((line.replace(self._key, "***") if self._key else line) + "\n").encode())
        except OSError:
            pass  # nobody can be told, and the script must go on


def _dig(value, path):
    for name in path.split("."):
        try:
            value = getattr(value, name, None)
        except Exception:  # noqa: BLE001 - some are properties that raise when there is nothing to tell
            return None
    return value


def _plain(value, depth=0):
    """What JSON can hold, and no text without end."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict) and depth < 8:
        return {str(name): _plain(one, depth + 1) for name, one in value.items()}
    if isinstance(value, (list, tuple)) and depth < 8:
        return [_plain(one, depth + 1) for one in value[:10000]]
    text = value if isinstance(value, str) else str(value) if isinstance(value, os.PathLike) else repr(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _run_hidden():
    # Only what stands behind this one is hidden by it. In front of it may be another copy, which has run this one.
    places = [os.path.abspath(place or ".") for place in sys.path]
    places = sys.path[places.index(_HERE) + 1 :] if _HERE in places else []
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", places)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


# Two copies of this, one of a devnet and one of a run, would ask one another without end.
if not hasattr(sys, "sovr_golem_shim"):
    sys.sovr_golem_shim = _HERE
    sys.meta_path.insert(0, _Finder())
    sys.meta_path.append(_Substitute())
_run_hidden()
