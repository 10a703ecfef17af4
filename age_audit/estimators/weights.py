"""Weight files that no package carries: found locally, or downloaded once, and always checked."""

from __future__ import annotations

from pathlib import Path

import pooch

from age_audit.core.errors import UsageError
from age_audit.core.paths import WEIGHTS_FOLDER_VARIABLE, verify_hash, weights_folder


def fetch_weights(url: str, algorithm: str, digest: str) -> Path:
    """Path of a verified weight file, from the weights folder or else from its address.

    Raises
    ------
    UsageError
        On a file with another hash, or when there is no file and no way to download it; the message says which file,
        where to get it, where to put it and which hash it must have.

    Examples
    --------
    >>> from age_audit.estimators.entries import ENTRIES
    >>> ENTRIES["dex-efficientnet-b3"].weights().name  # asks this; 130 MB the first time  # doctest: +SKIP
    'EfficientNetB3_224_weights.11-3.44.hdf5'
    """
    name = url.rsplit("/", 1)[-1]
    path = weights_folder() / name
    if path.exists():
        verify_hash(path, algorithm, digest)
        return path
    try:
        # pooch checks the hash before the file gets its name, so a broken download is never found later.
        return Path(pooch.retrieve(url, f"{algorithm}:{digest}", fname=name, path=path.parent, progressbar=True))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"expected the weight file {name}, found none, and downloading it failed "
            f"({type(error).__name__}). Get it from "
            f"{url}, put it into {path.parent} (or the folder named by {WEIGHTS_FOLDER_VARIABLE}); "
            f"its {algorithm} must be "
            f"{digest}"
        ) from error
