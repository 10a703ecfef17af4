"""Estimators by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from threading import Lock

from age_audit.core.config import PRECISIONS
from age_audit.core.errors import UsageError
from age_audit.core.paths import package_file, verify_hash
from age_audit.estimators.base import AgeEstimator
from age_audit.estimators.hardware import check_gpu
from age_audit.estimators.sources import (
    CYDRAL_FILE,
    CYDRAL_SHA256,
    DEX_EFFICIENTNET_MD5,
    DEX_EFFICIENTNET_URL,
    DEX_WRN_FILE,
    DEX_WRN_MD5,
    estimator_identity,
    is_custom,
    is_function,
    unknown_estimator,
)
from age_audit.estimators.start_up import quiet_start
from age_audit.estimators.weights import fetch_weights


def _dex_wrn(precision: str, device: str) -> AgeEstimator:
    with quiet_start():
        from age_audit.estimators.dex import load_dex_wrn

    return load_dex_wrn(precision, device)


def _dex_efficientnet_b3(precision: str, device: str) -> AgeEstimator:
    with quiet_start():
        from age_audit.estimators.dex import load_dex_efficientnet_b3

    return load_dex_efficientnet_b3(precision=precision, device=device)


def _cydral_resnet10(precision: str, device: str) -> AgeEstimator:
    from age_audit.estimators.onnx import load_cydral_resnet10

    return load_cydral_resnet10(precision, device)


# Each loader imports its runtime only when called: TensorFlow alone takes seconds.
LOADERS: dict[str, Callable[[str, str], AgeEstimator]] = {
    "dex-wrn": _dex_wrn,
    "dex-efficientnet-b3": _dex_efficientnet_b3,
    "cydral-resnet10": _cydral_resnet10,
}


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
    if name == "dex-wrn":
        verify_hash(package_file(*DEX_WRN_FILE), "md5", DEX_WRN_MD5)
    elif name == "cydral-resnet10":
        verify_hash(package_file(*CYDRAL_FILE), "sha256", CYDRAL_SHA256)
    elif name == "dex-efficientnet-b3":
        fetch_weights(DEX_EFFICIENTNET_URL, "md5", DEX_EFFICIENTNET_MD5)
    else:
        load_estimator(name, precision, device)
    if name.startswith("dex"):
        check_gpu(device)


def configure_threads(name: str, count: int) -> None:
    """Let this process's models use so many threads; must come before the first of them runs.

    Examples
    --------
    >>> configure_threads("cydral-resnet10", 2)  # before the model is loaded  # doctest: +SKIP
    """
    if name == "cydral-resnet10":
        from age_audit.estimators import onnx

        onnx.configure_threads(count)
    elif is_function(name):  # its library is not known, and TensorFlow, which heeds these, takes seconds to load
        os.environ |= {"TF_NUM_INTRAOP_THREADS": str(count), "TF_NUM_INTEROP_THREADS": "1"}
    else:
        with quiet_start():
            from age_audit.estimators import keras_model

        keras_model.configure_threads(count)


def load_estimator(
    name: str, precision: str = "float32", device: str = "auto", batch: int | None = None
) -> AgeEstimator:
    """Load an estimator once per process.

    Parameters
    ----------
    name : str
        ``dex-wrn``, ``dex-efficientnet-b3``, ``cydral-resnet10``, or one of your own: ``module:function``, a ``.keras``
        file, or a ``.json`` description (:class:`age_audit.estimators.custom.EstimatorConfig`).
    precision : str
        ``float32``, or ``bfloat16`` for the DEX models.
    device : str
        ``auto`` (what the model's library picks), ``cpu``, ``gpu`` or ``gpu:N``.
    batch : int, optional
        At most so many faces per forward pass; by default what suits the device. Halved where it does not fit.

    Raises
    ------
    UsageError
        For an unknown name, absent or altered weights, or a model that does not fit its description.

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
    with _loading:  # threads of one process must not load it twice
        estimator = _loaded(name, precision, device)
    if batch is not None:
        estimator.batch = batch
    return estimator


_loading = Lock()


@cache
def _loaded(name: str, precision: str, device: str) -> AgeEstimator:
    if name in LOADERS:
        return LOADERS[name](precision, device)
    if is_custom(name):
        from age_audit.estimators.custom import load_custom

        return load_custom(name, precision, device)
    raise unknown_estimator(name)
