"""Which files an estimator is made of, and their hash; loads no model library."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from age_audit.core.errors import UsageError
from age_audit.estimators.entries import DESCRIPTION, ENTRIES, FUNCTION, is_custom, kind_of, unknown_estimator


def estimator_identity(name: str) -> dict[str, str]:
    """Name and hash of an estimator, as recipes and provenance give them, without loading it.

    Returns
    -------
    dict
        ``name``, without folders, and ``weights_hash``: of the weight file; for an estimator of one's own, of the files
        that describe it (``"none"`` for a function whose module is not a file).

    Examples
    --------
    >>> estimator_identity("dex-wrn")
    {'name': 'dex-wrn', 'weights_hash': 'md5:fbe63257a054c1c5466cfd7bf14646d6'}
    """
    if name in ENTRIES:
        return {"name": name, "weights_hash": ENTRIES[name].weights_hash}
    if not is_custom(name):
        raise unknown_estimator(name)
    return {"name": Path(name).name, "weights_hash": _digest_of(_files_of(name))}


def described_model(name: str) -> str:
    """The model that a description names, as it names it; anything else is its own model.

    Examples
    --------
    >>> described_model("mine.keras")
    'mine.keras'
    """
    if not name.endswith(DESCRIPTION):
        return name
    try:
        return str(json.loads(Path(name).read_text())["model"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"expected {name} to be a JSON description of an estimator with 'model'; reading it failed: {error}"
        ) from error


def _files_of(name: str) -> list[Path | None]:
    model = described_model(name)
    if not name.endswith(DESCRIPTION):
        return [_file_of_model(model, Path())]
    return [Path(name), _file_of_model(model, Path(name).parent)]


def _file_of_model(model: str, folder: Path) -> Path | None:
    if kind_of(model) is not FUNCTION:
        return folder / model
    spec = _find_module(model.partition(":")[0])
    return Path(spec.origin) if spec is not None and spec.origin and Path(spec.origin).is_file() else None


@contextmanager
def importing_from_here() -> Iterator[None]:
    """Look for a user's module where the user stands, which a script's own import path does not include.

    Examples
    --------
    >>> with importing_from_here():
    ...     first = sys.path[0]
    >>> first == str(Path.cwd())
    True
    """
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)


def _find_module(name: str):
    try:
        with importing_from_here():
            return importlib.util.find_spec(name)
    except Exception:  # a parent package may raise anything; loading the estimator says what
        return None


def _digest_of(paths: list[Path | None]) -> str:
    if None in paths:
        return "none"
    digest = hashlib.sha256()
    for path in paths:
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            raise UsageError(f"expected the estimator's file {path}; reading it failed: {error.strerror}") from error
    return f"sha256:{digest.hexdigest()}"
