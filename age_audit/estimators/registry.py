"""Estimators by name."""

from __future__ import annotations

from dataclasses import replace
from threading import Lock

from age_audit.core.config import DEVICES, PRECISIONS
from age_audit.core.errors import UsageError
from age_audit.estimators.base import AgeEstimator
from age_audit.estimators.custom import load_custom
from age_audit.estimators.entries import ENTRIES, in_this_room, kind_of
from age_audit.estimators.sources import check_same, describe, estimator_identity


def check_estimator(name: str, precision: str = "float32", device: str = "auto") -> None:
    """Find out whether an estimator can be had, without loading a model library where that can be avoided.

    Weights that are neither in a package nor in the weights folder are downloaded.

    Raises
    ------
    UsageError
        As :func:`load_estimator`.

    Examples
    --------
    >>> check_estimator("cydral-resnet10")  # nothing to say: its weights are there and unaltered
    >>> check_estimator("dex")
    Traceback (most recent call last):
        ...
    age_audit.core.errors.UsageError: expected an estimator among dex-wrn, ...; got 'dex'
    """
    estimator_identity(name)
    if name not in ENTRIES:
        load_estimator(name, precision, device)
        return
    entry = ENTRIES[name]
    entry.check_precision(precision)
    entry.weights()
    if device.startswith("gpu"):
        in_this_room(f"{entry.runtime}:check_device")(device)


def configure_threads(name: str, count: int) -> None:
    """Let this process's models use so many threads; must come before the first of them runs.

    Examples
    --------
    >>> configure_threads("cydral-resnet10", 2)  # before the model is loaded  # doctest: +SKIP
    """
    runner = ENTRIES[name] if name in ENTRIES else kind_of(describe(name)["model"])
    in_this_room(f"{runner.runtime}:configure_threads")(count)


def load_estimator(
    name: str,
    precision: str = "float32",
    device: str = "auto",
    batch: int | None = None,
    weights_hash: str | None = None,
) -> AgeEstimator:
    """Load an estimator once per process, and anew when its files changed.

    One of your own is code that is run. On its first faces it is asked twice: an answer that differs is refused.

    Parameters
    ----------
    name : str
        One that ships (:data:`age_audit.estimators.entries.ENTRIES`), or one of your own: ``module:function``, a
        ``.keras`` file, or a ``.json`` description of those or of an ``.onnx`` file
        (:class:`age_audit.estimators.custom.EstimatorConfig`).
    precision : str
        ``float32``, or another that its entry has (``bfloat16`` for the DEX models and faceres).
    device : str
        ``auto`` (what the model's library picks), ``cpu``, ``gpu`` or ``gpu:N``.
    batch : int, optional
        At most so many faces per forward pass; by default what suits the device. Halved where it does not fit.
    weights_hash : str, optional
        Which it has to be, as :func:`age_audit.estimators.sources.estimator_identity` has it; by default whichever is
        there now.

    Raises
    ------
    UsageError
        For an unknown name, absent or altered weights, a model that does not fit its description, or one of another
        hash.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> from age_audit.faces.detection import crop_face
    >>> estimator = load_estimator("cydral-resnet10")
    >>> estimator.info.name, estimator.info.input_size, len(estimator.classes)
    ('cydral-resnet10', 64, 81)
    >>> face = crop_face(astronaut()).image  # Eileen Collins
    >>> estimator.predict(face[None]).age.round()
    array([29.])
    """
    if precision not in PRECISIONS:
        raise UsageError(f"expected precision to be one of {', '.join(PRECISIONS)}, got {precision!r}")
    if batch is not None and not (isinstance(batch, int) and batch >= 1):
        raise UsageError(f"expected batch to be a whole number of faces, 1 or more, got {batch!r}")
    if not DEVICES.fullmatch(device):
        raise UsageError(f"expected device to be auto, cpu, gpu or gpu:N, got {device!r}")
    with _loading:  # threads of one process must not load it twice
        estimator = _loaded((name, precision, device), weights_hash or estimator_identity(name)["weights_hash"])
    if batch is not None:
        estimator.batch = batch
    return estimator


_loading = Lock()
_kept: dict[tuple[str, str, str], tuple[str, AgeEstimator]] = {}  # by name, precision and device, with its hash


def _loaded(key: tuple[str, str, str], weights_hash: str) -> AgeEstimator:
    found, estimator = _kept.pop(key, (None, None))
    if found != weights_hash:
        del estimator  # before another one takes memory
        check_same(key[0], weights_hash)
        estimator = _load(*key)
        check_same(key[0], weights_hash)  # its files were whole and the same all the while
        if key[0] not in ENTRIES:
            estimator.info = replace(estimator.info, weights_hash=weights_hash)
            estimator.on_trial = True
    _kept[key] = weights_hash, estimator
    return estimator


def _load(name: str, precision: str, device: str) -> AgeEstimator:
    if name in ENTRIES:
        ENTRIES[name].check_precision(precision)
        if device.startswith("gpu"):
            in_this_room(f"{ENTRIES[name].runtime}:check_device")(device)
        return in_this_room(ENTRIES[name].loader)(precision, device)
    return load_custom(name, precision, device)
