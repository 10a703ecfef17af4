"""What frozen layers say of each face, asked once and kept on the disk: training then is of what comes after them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import keras
import numpy as np

from age_audit.store.files import sha256_of
from age_audit.training.inputs import batches_of_files

TELL_SECONDS = 20  # between two lines that say how far it is


def cached(
    trunk: keras.Model, paths: Sequence[Path], changes: list[np.ndarray], folder: Path, tell: Callable[[str], object]
) -> list[np.ndarray]:
    """What a trunk gives of each version of each face, made once for the same layers, weights, files and changes.

    Backbones that share no layer are kept by themselves, so that a network of two finds what a network of one has left.

    Returns
    -------
    list of ndarray, each shape (V, N, ...)
        One an output, read from the disk as it is needed; maps and pictures in half precision.
    """
    digests = "".join(map(sha256_of, paths))
    found: dict[int, np.ndarray] = {}
    for places in apart(trunk):
        part = keras.Model(trunk.input, [trunk.outputs[place] for place in places])
        key = cache_key(part, digests, changes)
        names = [folder / f"{key}-{number}.npy" for number in range(len(places))]
        with _alone(folder):  # of runs that share a folder, the second waits and finds what the first has made
            if (kept := _kept(names)) is None:
                _fill(part, names, paths, changes, tell)
                kept = _kept(names)
        found |= dict(zip(places, kept, strict=True))
    return [found[place] for place in range(len(found))]


def apart(trunk: keras.Model) -> list[list[int]]:
    """The outputs of a trunk by place, those together that have layers with weights in common.

    Examples
    --------
    >>> faces = keras.Input((2,))
    >>> one, other = keras.layers.Dense(3)(faces), keras.layers.Dense(3)(faces)
    >>> apart(keras.Model(faces, [one, other, keras.layers.ReLU()(one)]))
    [[0, 2], [1]]
    """
    groups: list[tuple[set, list[int]]] = []
    for place, output in enumerate(trunk.outputs):
        layers = {layer.name for layer in keras.Model(trunk.input, output).layers if layer.weights}
        sharing = [group for group in groups if group[0] & layers]
        groups = [group for group in groups if group not in sharing]
        layers = layers.union(*(names for names, _ in sharing))
        groups.append((layers, [*(known for _, places in sharing for known in places), place]))
    return sorted(sorted(places) for _, places in groups)


def cache_key(trunk: keras.Model, digests: str, changes: list[np.ndarray]) -> str:
    """Tells what is kept by what it depends on: kinds, shapes and weights of layers, files and changes; not by names.

    Examples
    --------
    >>> faces = keras.Input((2,))
    >>> dense = keras.layers.Dense(3)
    >>> keys = {cache_key(keras.Model(faces, dense(faces)), files, []) for files in ("ab", "ab", "cd")}
    >>> len(keys)
    2
    """
    kinds = [(type(operation).__name__, str(operation.output)) for operation in trunk.operations]
    kinds = [(kind, re.sub(r"name=[^,>]*", "", output)) for kind, output in kinds]
    key = hashlib.sha256(repr(kinds).encode() + digests.encode())
    for array in (*trunk.get_weights(), *changes):
        key.update(np.ascontiguousarray(array).tobytes())
    return key.hexdigest()[:16]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    held = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network drives have no locks
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _kept(names: Sequence[Path]) -> list[np.ndarray] | None:
    """What is kept, or nothing where a file is absent or damaged: it is then made anew."""
    try:
        return [np.load(name, mmap_mode="r") for name in names]
    except (FileNotFoundError, ValueError, EOFError):
        return None


def _fill(trunk, names, paths, changes, tell) -> None:
    """Ask a trunk, and write what it gives, as it comes: into a memory map a full disk would end the process."""
    unfinished = [name.with_suffix(".unfinished") for name in names]
    try:
        with ExitStack() as opened:
            files = []
            for path, output in zip(unfinished, trunk.outputs, strict=True):
                shape = (len(changes), len(paths), *output.shape[1:])
                kind = np.dtype("float16" if len(shape) > 3 else "float32")
                files.append((opened.enter_context(path.open("wb")), kind))
                header = {"descr": kind.str, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(files[-1][0], header)
            _ask(trunk, paths, changes, files, tell)
        for name, path in zip(names, unfinished, strict=True):
            path.replace(name)
    finally:
        for path in unfinished:
            path.unlink(missing_ok=True)


def _ask(trunk, paths, changes, files, tell) -> None:
    start, done, told = time.monotonic(), 0, time.monotonic()
    for how in changes:
        for batch in batches_of_files(paths, how):
            answers = trunk.predict_on_batch(batch)
            for (stream, kind), answer in zip(files, answers if isinstance(answers, list) else [answers], strict=True):
                stream.write(np.asarray(answer, dtype=kind).tobytes())
            done += len(batch)
            if time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                total = len(paths) * len(changes)
                left = (told - start) / done * (total - done)
                tell(f"frozen layers: {done:,} of {total:,} pictures, {left / 60:.0f} min left")
