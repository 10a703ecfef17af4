"""Estimators that users bring: a Python callable or a .keras file, described by a small JSON file."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

import numpy as np

from age_audit.core.errors import UsageError
from age_audit.core.schema import CANVAS
from age_audit.estimators.base import AgeEstimator, EstimatorInfo, spread_over_classes
from age_audit.estimators.hardware import check_gpu
from age_audit.estimators.sources import importing_from_here
from age_audit.estimators.start_up import quiet_start


@dataclass(frozen=True)
class EstimatorConfig:
    """What must be known of an estimator to feed it.

    Attributes
    ----------
    model : str
        ``module:function`` or the path of a ``.keras`` file, relative to the config file.
    name : str
        How results call it; the model by default.
    output : str
        ``"probabilities"`` (N, C) or ``"ages"`` (N,) in years.
    classes : tuple of float
        Years that each class stands for; 0 to 100 by default.
    channel_order : str
        ``"RGB"`` or ``"BGR"``.
    value_range : tuple of float
        What 0 and 255 become, e.g. (0, 1) or (-1, 1).
    """

    model: str
    name: str = ""
    output: str = "probabilities"
    classes: tuple[float, ...] = tuple(float(age) for age in range(101))
    channel_order: str = "RGB"
    value_range: tuple[float, float] = (0.0, 255.0)


def load_custom(name: str, precision: str = "float32", device: str = "auto") -> AgeEstimator:
    """Load ``module:function``, a ``.keras`` file or a ``.json`` description of either.

    A function gets float32 faces (N, 224, 224, 3) in the declared channel order and range and returns probabilities
    (N, C) or ages (N,). A Keras model gets them resized to its own input.

    Raises
    ------
    UsageError
        When the description or the model cannot be used.

    Examples
    --------
    >>> load_custom("numpy:mean").info.name  # any function of a module that can be imported
    'numpy:mean'
    """
    if precision != "float32":
        raise UsageError(
            f"an estimator of your own runs as you built it, got precision {precision!r}; leave the option out"
        )
    config = read_config(Path(name)) if name.endswith(".json") else EstimatorConfig(model=name)
    if config.output not in ("probabilities", "ages"):
        raise UsageError(f"expected output to be 'probabilities' or 'ages', got {config.output!r}")
    if config.channel_order not in ("RGB", "BGR"):
        raise UsageError(f"expected channel_order to be 'RGB' or 'BGR', got {config.channel_order!r}")
    if config.model.endswith(".keras"):
        return _load_keras(config, device)
    if device != "auto":
        raise UsageError(f"a function of your own runs where you let it, got device {device!r}; leave the option out")
    return CallableEstimator(_import_callable(config.model), config)


def read_config(path: Path) -> EstimatorConfig:
    """Read a JSON description; paths in it are relative to it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "mine.json"
    ...     _ = path.write_text('{"model": "my_module:estimate", "output": "ages", "value_range": [-1, 1]}')
    ...     config = read_config(path)
    >>> config.output, config.value_range, config.channel_order
    ('ages', (-1.0, 1.0), 'RGB')
    """
    try:
        given = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"expected {path} to be a JSON description of an estimator; reading it failed: {error}"
        ) from error
    known = {field.name for field in fields(EstimatorConfig)}
    if not isinstance(given, dict) or "model" not in given or set(given) - known:
        raise UsageError(f"expected {path} to be an object with 'model' and any of {sorted(known)}, got {given!r}")
    given["model"] = str(given["model"])
    if given["model"].endswith(".keras"):
        given["model"] = str(path.parent / given["model"])
    for key in ("classes", "value_range"):
        if key in given:
            given[key] = _rising_numbers(path, key, given[key])
    if len(given.get("value_range", (0, 255))) != 2:
        raise UsageError(f"expected value_range in {path} to be two numbers, got {given['value_range']}")
    return EstimatorConfig(**given)


def _rising_numbers(path: Path, key: str, given) -> tuple[float, ...]:
    try:
        numbers = tuple(map(float, given))
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) < 2 or any(right <= left for left, right in pairwise(numbers)):
        raise UsageError(f"expected {key} in {path} to be a list of two or more rising numbers, got {given!r}")
    return numbers


class CallableEstimator(AgeEstimator):
    """Any function from faces to class probabilities or to ages.

    Examples
    --------
    >>> config = EstimatorConfig("brightness", output="ages", value_range=(0, 100))
    >>> estimator = CallableEstimator(lambda faces: faces.mean(axis=(1, 2, 3)), config)
    >>> estimator.predict(np.full((1, 224, 224, 3), 51, dtype=np.uint8)).age.round(2)
    array([20.])
    """

    def __init__(self, function: Callable[[np.ndarray], np.ndarray], config: EstimatorConfig):
        self._function = function
        self._config = config
        self.classes = np.array(config.classes, dtype=np.float64)
        self.gives_classes = config.output == "probabilities"
        self.info = EstimatorInfo(config.name or config.model, "none", CANVAS, config.channel_order, config.value_range)

    def class_probabilities(self, faces: np.ndarray) -> tuple[np.ndarray, None]:
        low, high = self._config.value_range
        pixels = faces.astype(np.float32) * np.float32((high - low) / 255.0) + np.float32(low)
        if self._config.channel_order == "BGR":
            pixels = np.ascontiguousarray(pixels[..., ::-1])  # torch, for one, takes no reversed views
        answer = np.asarray(self._function(pixels), dtype=np.float64)
        expected = (len(faces), len(self.classes)) if self.gives_classes else (len(faces),)
        if answer.shape != expected:
            raise UsageError(f"expected {self.info.name} to return shape {expected}, got {answer.shape}")
        return (answer if self.gives_classes else spread_over_classes(answer, self.classes)), None


def _import_callable(target: str) -> Callable:
    module_name, _, attribute = target.partition(":")
    try:
        with importing_from_here():
            function = getattr(importlib.import_module(module_name), attribute)
    except Exception as error:  # a user's module may raise anything while it loads
        raise UsageError(
            f"expected {target!r} to name module:function, but importing it failed: {type(error).__name__}: {error}"
        ) from error
    if not callable(function):
        raise UsageError(f"expected {target!r} to name a function, got {type(function).__name__}")
    return function


def _load_keras(config: EstimatorConfig, device: str) -> AgeEstimator:
    with quiet_start():
        from age_audit.estimators.keras_model import KerasEstimator, load_model

    path = Path(config.model)
    check_gpu(device)
    model = load_model(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    shape = model.input_shape
    if len(shape) != 4 or shape[3] != 3 or shape[1] != shape[2]:
        raise UsageError(f"expected {path.name} to take (N, size, size, 3), it takes {shape}")
    size = shape[1] or CANVAS
    gives_ages = config.output == "ages"
    expected = ((None,), (None, 1)) if gives_ages else ((None, len(config.classes)),)
    if model.output_shape not in expected:
        raise UsageError(
            f"expected {path.name} to give {config.output} of shape {expected[-1]}, it gives "
            f"{model.output_shape}; declare "
            "'classes' or 'output' in its description"
        )
    name = config.name or path.name
    info = EstimatorInfo(name, f"sha256:{digest}", size, config.channel_order, config.value_range)
    return KerasEstimator(model, info, np.array(config.classes), gives_ages=gives_ages, device=device)
