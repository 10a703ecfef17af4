"""Estimators that users bring: a function, a .keras or an .onnx file, described by a small JSON file."""

from __future__ import annotations

import importlib
import json
import math
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

import numpy as np

from age_audit.core.errors import UsageError
from age_audit.core.schema import CANVAS
from age_audit.estimators.base import AgeEstimator, EstimatorInfo, answer_of
from age_audit.estimators.entries import DESCRIPTION, FILES, FUNCTION, in_this_room, is_description, kind_of
from age_audit.estimators.sources import importing

# Keys of a description that have a choice of words.
WORDS = {
    "output": ("probabilities", "logits", "ages"),
    "channel_order": ("RGB", "BGR"),
    "layout": ("NCHW", "NHWC"),
}


@dataclass(frozen=True)
class EstimatorConfig:
    """What must be known of an estimator to feed it. The last five are for ONNX files alone.

    Whoever loads it runs code: that of the function, of the modules it imports, or of the model.

    Attributes
    ----------
    model : str
        ``module:function`` or the path of a ``.keras`` or ``.onnx`` file, relative to the config file.
    name : str
        How results call it; the model by default.
    output : str
        ``"probabilities"`` (N, C), ``"logits"`` (N, C), to which a softmax is applied, or ``"ages"`` (N,) in years,
        which are kept as they come.
    classes : tuple of float
        Years that each class stands for; 0 to 100 by default. None where ``output`` is ``"ages"``.
    channel_order : str
        ``"RGB"`` or ``"BGR"``.
    value_range : tuple of float
        What 0 and 255 become, e.g. (0, 1) or (-1, 1).
    files : tuple of str
        Further files that its answers depend on, weights that a function reads say, relative to the config file: their
        bytes count for its hash.
    layout : str, optional
        ``"NCHW"`` or ``"NHWC"``, where the model does not say which axis has three channels.
    input_size : int, optional
        Rows and columns of its pictures, where the model takes any; 224 by default.
    mean, std : tuple of float, optional
        Three numbers each, in the channels' order: taken off after ``value_range``, and divided by.
    output_name : str, optional
        Which output to read, where there are several.
    """

    model: str
    name: str = ""
    output: str = "probabilities"
    classes: tuple[float, ...] = tuple(float(age) for age in range(101))
    channel_order: str = "RGB"
    value_range: tuple[float, float] = (0.0, 255.0)
    files: tuple[str, ...] = ()
    layout: str | None = None
    input_size: int | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    output_name: str | None = None

    @property
    def years(self) -> np.ndarray:
        """Of each class, float (C,); empty where the model answers with ages."""
        return np.array(() if self.output == "ages" else self.classes, dtype=np.float64)

    def info(self, input_size: int) -> EstimatorInfo:
        """What the provenance says; a file goes by its name without folders, and whoever loads it knows its hash."""
        model = self.model if kind_of(self.model) is FUNCTION else Path(self.model).name
        return EstimatorInfo(self.name or model, "none", input_size, self.channel_order, self.value_range)


def load_custom(name: str, precision: str = "float32", device: str = "auto") -> AgeEstimator:
    """Load ``module:function``, a ``.keras`` file, or a ``.json`` description of those or of an ``.onnx`` file.

    A function gets float32 faces (N, 224, 224, 3) in the declared channel order and range and returns probabilities or
    logits (N, C), or ages (N,). Models in files get them resized to their own input.

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
    config = read_config(Path(name)) if is_description(name) else EstimatorConfig(model=name)
    kind = kind_of(config.model)
    if kind.own_keys and config.model == name:
        path = Path(name)
        example = {"model": path.name, "output": "logits", "channel_order": "RGB"}
        example |= {"value_range": [0, 1], "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
        raise UsageError(
            f"expected a description beside {path.name}, which does not say itself what it is fed, got the file alone; "
            f"write {path.with_suffix(DESCRIPTION)}, say {json.dumps(example)}, and name that as the estimator"
        )
    return in_this_room(f"{kind.runtime}:load_own")(config, device)


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
        given = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"expected {path} to be a JSON description of an estimator; reading it failed: {error}"
        ) from error
    known = {field.name for field in fields(EstimatorConfig)}
    if not isinstance(given, dict) or "model" not in given or set(given) - known:
        raise UsageError(f"expected {path} to be an object with 'model' and any of {sorted(known)}, got {given!r}")
    given["model"] = str(given["model"])
    kind = kind_of(given["model"])
    misplaced = sorted({key for other in FILES.values() for key in other.own_keys} - set(kind.own_keys) & set(given))
    if misplaced:
        raise UsageError(
            f"expected no {', '.join(misplaced)} in {path}, since a {kind.form} sees to that itself; leave it out"
        )
    if kind is not FUNCTION:
        given["model"] = str(path.parent / given["model"])
    for key, words in WORDS.items():
        if key in given and given[key] not in words:
            *first, last = map(repr, words)
            raise UsageError(f"expected {key} to be {', '.join(first)} or {last}, got {given[key]!r} in {path}")
    for key in ("classes", "value_range"):
        if key in given:
            given[key] = _rising_numbers(path, key, given[key])
    if given.get("output") == "ages" and "classes" in given:
        raise UsageError(f"expected no classes in {path}, since ages are kept as they come; leave them out")
    files = given.setdefault("files", [])
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        raise UsageError(f"expected files in {path} to be a list of paths relative to it, got {files!r}")
    given["files"] = tuple(files)
    if len(given.get("value_range", (0, 255))) != 2:
        raise UsageError(f"expected value_range in {path} to be two numbers, got {given['value_range']}")
    for key in ("mean", "std"):
        if key in given:
            numbers = _numbers(given[key])
            if len(numbers) != 3 or (key == "std" and min(numbers) <= 0):
                what = "three numbers above 0" if key == "std" else "three numbers"
                raise UsageError(f"expected {key} in {path} to be {what}, one a channel, got {given[key]!r}")
            given[key] = numbers
    size = given.get("input_size", CANVAS)
    if type(size) is not int or size < 1:
        raise UsageError(f"expected input_size in {path} to be a whole number above 0, got {size!r}")
    return EstimatorConfig(**given)


def _numbers(given) -> tuple[float, ...]:
    try:
        numbers = tuple(map(float, given))
    except (TypeError, ValueError):
        return ()
    return numbers if all(map(math.isfinite, numbers)) else ()


def _rising_numbers(path: Path, key: str, given) -> tuple[float, ...]:
    numbers = _numbers(given)
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

    def __init__(
        self,
        function: Callable[[np.ndarray], np.ndarray],
        config: EstimatorConfig,
        input_size: int = CANVAS,
    ):
        self._function = function
        self._config = config
        self.classes = config.years
        self.info = config.info(input_size)

    def forward(self, faces: np.ndarray) -> tuple[np.ndarray, None]:
        low, high = self._config.value_range
        pixels = faces.astype(np.float32) * np.float32((high - low) / 255.0) + np.float32(low)
        if self._config.channel_order == "BGR":
            pixels = np.ascontiguousarray(pixels[..., ::-1])  # torch, for one, takes no reversed views
        # A copy: what a function gives may be one buffer that its next call writes into.
        answer = np.array(self._call(pixels), dtype=np.float64)
        expected = (len(faces), len(self.classes)) if self.gives_classes else (len(faces),)
        if answer.shape != expected:
            raise UsageError(
                f"expected {self.info.name} to return shape {expected}, got {answer.shape}; declare 'classes' or "
                "'output' in its description"
            )
        return answer_of(answer, self._config.output), None

    def _call(self, pixels: np.ndarray):
        try:
            return self._function(pixels)
        except SystemExit as error:  # would end the run without a word
            raise RuntimeError(f"the function ended the program: SystemExit {error.code}") from error


def configure_threads(count: int) -> None:
    """A function's library is not known; TensorFlow heeds these, and takes seconds to load.

    Examples
    --------
    >>> configure_threads(2)  # before the function runs  # doctest: +SKIP
    """
    os.environ |= {"TF_NUM_INTRAOP_THREADS": str(count), "TF_NUM_INTEROP_THREADS": "1"}


def load_own(config: EstimatorConfig, device: str = "auto") -> CallableEstimator:
    """A user's function.

    Examples
    --------
    >>> load_own(EstimatorConfig("numpy:mean", name="mine")).info.name
    'mine'
    """
    if device != "auto":
        raise UsageError(f"a function of your own runs where you let it, got device {device!r}; leave the option out")
    return CallableEstimator(_import_callable(config.model), config)


def _import_callable(target: str) -> Callable:
    module_name, _, attribute = target.partition(":")
    if not re.fullmatch(r"[\w.]+:\w+", target):
        raise UsageError(f"expected a model as module:function, FILE{' or FILE'.join(FILES)}, got {target!r}")
    try:
        with importing(module_name):
            function = getattr(importlib.import_module(module_name), attribute)
    except UsageError:
        raise
    except SystemExit as error:  # would end the run without a word
        raise UsageError(
            f"expected {target!r} to name module:function, but importing it ends the program (SystemExit {error.code}) "
            "as a script does that reads its options; put what is not a function under: if __name__ == '__main__'"
        ) from error
    except Exception as error:  # a user's module may raise anything while it loads
        raise UsageError(
            f"expected {target!r} to name module:function, but importing it failed: {type(error).__name__}: {error}"
        ) from error
    if not callable(function):
        raise UsageError(f"expected {target!r} to name a function, got {type(function).__name__}")
    return function
