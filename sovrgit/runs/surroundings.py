"""What surrounds a run: the environment that its command gets, and the facts of the machine.

Only variables on the lists below are passed on, so that a result cannot depend on what nobody knows of. Of these,
what may change a result is recorded; what only describes one person's machine is not.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

RECORDED = frozenset(
    {
        *("LANG", "LANGUAGE", "TZ", "SOURCE_DATE_EPOCH"),
        *("PYTHONHASHSEED", "PYTHONIOENCODING", "PYTHONOPTIMIZE", "PYTHONUTF8", "MPLBACKEND"),
        *("BLIS_NUM_THREADS", "JULIA_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
        *("OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "MKL_CBWR"),
        *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUBLAS_WORKSPACE_CONFIG", "NVIDIA_VISIBLE_DEVICES"),
        *("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC"),
        *("NVIDIA_TF32_OVERRIDE", "XLA_FLAGS", "JAX_PLATFORMS", "JAX_ENABLE_X64"),
    }
)
"""Passed on and recorded: language, time zone, threads, devices, switches of determinism."""

RECORDED_PREFIXES = ("LC_", "OMP_")

PASSED = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TMP", "TEMP"),
        *("VIRTUAL_ENV", "JAVA_HOME", "R_HOME", "R_LIBS", "R_LIBS_USER", "R_LIBS_SITE", "GUIX_PROFILE"),
        *("JULIA_DEPOT_PATH", "JULIA_PROJECT", "NODE_PATH", "PERL5LIB", "GOPATH", "CARGO_HOME", "RUSTUP_HOME"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH"),
        *("HF_HOME", "TORCH_HOME", "KERAS_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR", "NLTK_DATA", "PROJ_LIB"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NIX_SSL_CERT_FILE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "NO_PROXY"),
        *("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy"),
        *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"),
        *("MODULEPATH", "MODULESHOME", "LOADEDMODULES", "_LMFILES_"),
    }
)
"""Passed on, not recorded: where things are on this machine, and how it reaches the network."""

PASSED_PREFIXES = ("CONDA_", "PYTHON", "SLURM_", "PMI_")

SET: Mapping[str, str] = MappingProxyType(
    {
        "PYTHONUNBUFFERED": "1",  # output is seen, and stamped with the time, when it is written
        "PYTHONDONTWRITEBYTECODE": "1",  # a run must not litter the pod
        "TERM": "dumb",  # the output is no terminal; `tput` and the like fail without any value
    }
)
"""Set for every command, whatever the caller's environment says."""

_SECRET_NAME = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|CREDS|COOKIE|MNEMONIC|PHRASE|PRIVATE|BEARER|JWT|WEBHOOK"
    r"|(?:^|_)(?:PASS|PWD|AUTH|OAUTH|AUTHORIZATION|PIN)(?:_|$)",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"://[^/\s]*@"  # a user, and most likely a password, in a URL
    r"|(?:key|token|secret|passw(?:or)?d|pwd|signature|auth)\s*=",  # in a query or a connection string
    re.IGNORECASE,
)


def child_environment(
    environ: Mapping[str, str],
    *,
    keep: Iterable[str] = (),
    extra: Mapping[str, str] = MappingProxyType({}),
    first_on_path: Path | None = None,
) -> tuple[dict[str, str], dict[str, str]]:
    """The whole environment for a command, and the part of it that a record keeps.

    Passed on from `environ` is what the lists of this module name, without what looks like a secret, and in any case
    what `keep` names. `extra` is set on top. Both are recorded, unless name or value look like a secret.
    `first_on_path` is a folder to be searched before those of PATH: with the folder of the running interpreter,
    `python3` in a recipe is the Python that sovr runs in.
    """
    kept = set(keep)
    full = {name: value for name, value in environ.items() if name in kept or _is_passed(name)}
    full.update(SET)
    full.update(extra)
    if first_on_path is not None:
        full["PATH"] = os.pathsep.join([os.fspath(first_on_path), full.get("PATH", os.defpath)])
    recorded = {
        _text(name): _text(value)
        for name, value in sorted(full.items())
        if (name in kept or name in extra or _is_recorded(name)) and not looks_secret(name, value)
    }
    return full, recorded


def looks_secret(name: str, value: str = "") -> bool:
    """Whether a variable's name, or credentials in its value, suggest that nobody else should see it."""
    return bool(_SECRET_NAME.search(name) or _SECRET_VALUE.search(value))


def platform_facts() -> dict[str, str]:
    """What a result may depend on in this machine: system, processor kind and count, Python, C library.

    Nothing that names the machine or its owner.
    """
    system = os.uname()
    facts = {
        "system": system.sysname,
        "release": system.release,
        "machine": system.machine,
        "cpus": str(os.cpu_count() or 1),
        "python": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
    }
    try:
        libc = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):  # a system with another C library does not know the question
        libc = None
    return {**facts, "libc": libc} if libc else facts


def _is_recorded(name: str) -> bool:
    return name in RECORDED or name.startswith(RECORDED_PREFIXES)


def _is_passed(name: str) -> bool:
    if _is_recorded(name) or name in PASSED:
        return True
    return name.startswith(PASSED_PREFIXES) and not looks_secret(name)


def _text(value: str) -> str:
    """Text that UTF-8 can hold: bytes of the environment that are not UTF-8 are written as `\\xNN`."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
