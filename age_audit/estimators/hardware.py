"""Where a model runs and in which arithmetic."""

from __future__ import annotations

import os
from pathlib import Path

from age_audit.core.errors import UsageError
from age_audit.estimators.entries import ENTRIES
from age_audit.estimators.start_up import quiet_start

CPU_INFO = Path("/proc/cpuinfo")
CPU_BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}  # Intel and AMD; Arm
GPU_BATCH = 256  # faces per forward pass on a graphics card; halved where it does not fit


def choose_precision(given: str, estimator: str, preset: str, device: str) -> str:
    """What ``auto`` means for a run; anything else stays.

    Parameters
    ----------
    given : str
        ``auto``, ``float32`` or ``bfloat16``.
    estimator, preset, device : str

    Returns
    -------
    str
        ``bfloat16`` for estimators that have it, in preset ``audit`` on hardware that computes in it, ``float32``
        otherwise: the weights of preset ``published`` are smaller than what bfloat16 resolves.

    Examples
    --------
    >>> choose_precision("auto", "dex-wrn", preset="published", device="cpu")
    'float32'
    >>> choose_precision("bfloat16", "dex-wrn", preset="audit", device="cpu")  # what is given stays
    'bfloat16'
    """
    if given != "auto":
        return given
    if estimator not in ENTRIES or "bfloat16" not in ENTRIES[estimator].precisions or preset != "audit":
        return "float32"
    fast = gpu_has_bfloat16() if runs_on_gpu(device) else cpu_has_bfloat16()
    return "bfloat16" if fast else "float32"


def cpu_has_bfloat16() -> bool:
    """Whether the processor multiplies in bfloat16; without, it is emulated and slower than float32.

    Examples
    --------
    >>> isinstance(cpu_has_bfloat16(), bool)  # it depends on the processor
    True
    """
    try:
        described = CPU_INFO.read_text()
    except OSError:
        return False
    features = (line.partition(":")[2] for line in described.splitlines() if line.startswith(("flags", "Features")))
    return any(CPU_BFLOAT16 & set(line.split()) for line in features)


def gpu_has_bfloat16() -> bool:
    """Whether the first graphics card computes in bfloat16 (Nvidia: from compute capability 8 on).

    Examples
    --------
    >>> isinstance(runs_on_gpu("auto") and gpu_has_bfloat16(), bool)  # to be asked where there is a card
    True
    """
    if _backend() == "tensorflow":
        import tensorflow

        card = tensorflow.config.list_physical_devices("GPU")[0]
        return tensorflow.config.experimental.get_device_details(card).get("compute_capability", (0,))[0] >= 8
    if _backend() == "jax":
        import jax

        return float(getattr(jax.devices("gpu")[0], "compute_capability", 0)) >= 8
    import torch

    return torch.cuda.is_bf16_supported()


def runs_on_gpu(device: str) -> bool:
    """Whether a Keras model on this device is on a graphics card: Keras takes one by itself where it sees one.

    Examples
    --------
    >>> runs_on_gpu("gpu:1"), runs_on_gpu("cpu")
    (True, False)
    """
    return device.startswith("gpu") or (device == "auto" and _gpus_seen() > 0)


def check_gpu(device: str) -> None:
    """Refuse a graphics card that is not there.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> check_gpu("cpu")
    >>> check_gpu("gpu:99")
    Traceback (most recent call last):
        ...
    age_audit.core.errors.UsageError: expected a graphics card for --device gpu:99, ...
    """
    kind, _, number = device.partition(":")
    if kind != "gpu":
        return
    seen = _gpus_seen()
    if int(number or 0) >= seen:
        raise UsageError(
            f"expected a graphics card for --device {device}, Keras on {_backend()} sees {seen}; use --device cpu, or "
            "set KERAS_BACKEND to a library that sees the card"
        )


def leave_memory() -> None:
    """Several processes may share a graphics card: TensorFlow and JAX would each take all of its memory.

    Examples
    --------
    >>> leave_memory()  # before the first model is loaded  # doctest: +SKIP
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if _backend() == "tensorflow":
        import tensorflow

        for card in tensorflow.config.list_physical_devices("GPU"):
            tensorflow.config.experimental.set_memory_growth(card, True)


def _backend() -> str:
    """The library under Keras: tensorflow, jax or torch."""
    with quiet_start():
        import keras

    return keras.backend.backend()


def _gpus_seen() -> int:
    if _backend() == "tensorflow":
        import tensorflow

        return len(tensorflow.config.list_physical_devices("GPU"))
    if _backend() == "jax":
        import jax

        return sum(device.platform == "gpu" for device in jax.devices())
    import torch

    return torch.cuda.device_count()
