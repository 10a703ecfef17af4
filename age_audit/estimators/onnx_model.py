"""An estimator around an ONNX model; the only place that opens one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime

from age_audit.core.errors import UsageError
from age_audit.core.schema import CANVAS
from age_audit.estimators.base import SMALLEST_BATCH
from age_audit.estimators.custom import CallableEstimator, EstimatorConfig
from age_audit.estimators.hardware import GPU_BATCH

TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}

_threads = 0  # 0 lets onnxruntime take every core


def configure_threads(count: int) -> None:
    """Threads of every session opened from now on.

    Examples
    --------
    >>> configure_threads(2)  # before the first session is opened  # doctest: +SKIP
    """
    global _threads
    _threads = count


def check_device(device: str) -> list:
    """Where onnxruntime computes. The processor unless a graphics card is asked for: small models gain nothing.

    Raises
    ------
    UsageError
        For a graphics card that onnxruntime cannot use.

    Examples
    --------
    >>> check_device("auto")
    ['CPUExecutionProvider']
    """
    kind, _, number = device.partition(":")
    if kind != "gpu":
        return ["CPUExecutionProvider"]
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        raise UsageError(
            f"expected onnxruntime with CUDA for --device {device}, this one has none; install onnxruntime-gpu or use "
            "--device cpu"
        )
    return [("CUDAExecutionProvider", {"device_id": int(number or 0)})]


def open_session(model: bytes, device: str = "auto") -> onnxruntime.InferenceSession:
    """A model, opened from its bytes: those that were hashed, and no second file that was not.

    Examples
    --------
    >>> from age_audit.estimators.entries import ENTRIES
    >>> session = open_session(ENTRIES["cydral-resnet10"].weights().read_bytes())
    >>> session.get_inputs()[0].shape[1:]
    [3, 64, 64]
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads
    options.log_severity_level = 4  # what fails is raised, and told by us
    # Weights in a second file would be looked for in the working directory; below this there is none.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    return onnxruntime.InferenceSession(model, options, providers=check_device(device))


def resized(faces: np.ndarray, size: int) -> np.ndarray:
    """Faces (N, M, M, 3) in another size, bilinear between the centres of pixels: as Keras models get them.

    Examples
    --------
    >>> row = np.array([0.0, 4.0, 8.0, 12.0], dtype=np.float32)
    >>> resized(np.broadcast_to(row[:, None], (1, 4, 4, 3)), 2)[0, 0, :, 0]  # 0, 4, 8, 12 from the left
    array([ 2., 10.], dtype=float32)
    """
    if faces.shape[1] == size:
        return faces
    last = faces.shape[1] - 1
    place = np.clip((np.arange(size) + 0.5) * (last + 1) / size - 0.5, 0, last)
    low = place.astype(int)
    high = np.minimum(low + 1, last)
    share = (place - low).astype(np.float32)[:, None]
    rows = faces[:, low] + (faces[:, high] - faces[:, low]) * share[:, None]
    return rows[:, :, low] + (rows[:, :, high] - rows[:, :, low]) * share


class OnnxModel:
    """A function from prepared faces to what the model's output says of them.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    config : EstimatorConfig

    Raises
    ------
    UsageError
        When the model does not fit its description.

    Examples
    --------
    >>> from age_audit.estimators.entries import ENTRIES
    >>> session = open_session(ENTRIES["cydral-resnet10"].weights().read_bytes())
    >>> model = OnnxModel(session, EstimatorConfig("age.onnx", value_range=(-0.45, 0.55)))
    >>> model.size, model(np.zeros((5, 224, 224, 3), dtype=np.float32)).shape
    (64, (5, 81))
    """

    def __init__(self, session: onnxruntime.InferenceSession, config: EstimatorConfig):
        self._session = session
        self._called = Path(config.model).name
        inputs = session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 4 or inputs[0].type not in TYPES:
            raise UsageError(
                f"expected {self._called} to take one input of four axes in floating point, it takes "
                f"{', '.join(f'{given.name} {given.type} {given.shape}' for given in inputs) or 'none'}; "
                "export the part that goes from pictures to ages"
            )
        self._input = inputs[0]
        self._channels_first = self._layout(config) == "NCHW"
        self.size = self._size(config)
        batch = self._input.shape[0]
        self.fixed_batch = batch if isinstance(batch, int) else None
        self._output = self._output_name(config)
        self._ages = config.output == "ages"
        self._mean = np.array(config.mean or (0, 0, 0), dtype=np.float32)
        self._std = np.array(config.std or (1, 1, 1), dtype=np.float32)

    def _layout(self, config: EstimatorConfig) -> str:
        shape = self._input.shape
        lengths = {"NCHW": shape[1], "NHWC": shape[3]}
        certain = [layout for layout, length in lengths.items() if length == 3]
        layout = certain[0] if config.layout is None and len(certain) == 1 else config.layout
        if layout is None or (isinstance(lengths[layout], int) and lengths[layout] != 3):
            raise UsageError(
                f"expected {self._called} to have three channels where its layout says, it takes {shape} and its "
                f"layout is {layout or 'not declared'}; declare 'layout' in its description as NCHW (PyTorch) or NHWC, "
                "or export it for pictures in colour"
            )
        return layout

    def _size(self, config: EstimatorConfig) -> int:
        sides = self._input.shape[2:] if self._channels_first else self._input.shape[1:3]
        known = {side for side in sides if isinstance(side, int)}
        size = config.input_size or min(known, default=CANVAS)
        if known - {size}:
            raise UsageError(
                f"expected {self._called} to take pictures {size} x {size}, it takes {self._input.shape}; leave "
                "'input_size' out of its description, or export it for squares"
            )
        return size

    def _output_name(self, config: EstimatorConfig) -> str:
        names = [output.name for output in self._session.get_outputs()]
        chosen = config.output_name if config.output_name is not None else names[0]
        if chosen not in names or (config.output_name is None and len(names) > 1):
            wanted = "one output" if config.output_name is None else f"an output {config.output_name!r}"
            raise UsageError(
                f"expected {self._called} to have {wanted}, it has {', '.join(names)}; declare which as 'output_name' "
                "in its description"
            )
        return chosen

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        pixels = (resized(faces, self.size) - self._mean) / self._std
        if self._channels_first:
            pixels = pixels.transpose(0, 3, 1, 2)
        pixels = np.ascontiguousarray(pixels, dtype=TYPES[self._input.type])
        step = self.fixed_batch or len(pixels)
        parts = [self._run(pixels[start : start + step], step) for start in range(0, len(pixels), step)]
        answer = np.concatenate(parts)
        return answer.reshape(len(answer)) if self._ages and answer.shape == (len(answer), 1) else answer

    def _run(self, pixels: np.ndarray, count: int) -> np.ndarray:
        missing = count - len(pixels)  # of a batch that cannot be smaller
        filled = np.concatenate([pixels, np.repeat(pixels[:1], missing, axis=0)]) if missing else pixels
        answer = np.asarray(self._session.run([self._output], {self._input.name: filled})[0])
        return answer[: len(pixels)] if missing else answer


def load_own(config: EstimatorConfig, device: str = "auto") -> CallableEstimator:
    """A user's ``.onnx`` file, run once on a black face to see that it fits its description.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> from age_audit.estimators.entries import ENTRIES
    >>> path, classes = ENTRIES["cydral-resnet10"].weights(), tuple(range(81))
    >>> estimator = load_own(EstimatorConfig(str(path), "whole faces", classes=classes, value_range=(-0.45, 0.55)))
    >>> estimator.info.name, estimator.info.input_size
    ('whole faces', 64)
    """
    path = Path(config.model)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"expected the estimator's file {path}; reading it failed: {error.strerror}") from error
    try:
        session = open_session(content, device)
    except Exception as error:  # onnxruntime's errors have no common type
        raise UsageError(
            f"expected {path} to be an ONNX model in one file that onnxruntime {onnxruntime.__version__} runs; opening "
            f"it failed: {error}. Export it with its weights inside (external_data=False), or with a lower "
            "opset_version"
        ) from error
    model = OnnxModel(session, config)
    estimator = CallableEstimator(model, config, model.size)
    if device.startswith("gpu"):
        estimator.batch = GPU_BATCH
    try:
        estimator.predict(np.zeros((SMALLEST_BATCH, CANVAS, CANVAS, 3), dtype=np.uint8))
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            f"expected {path.name} to run on pictures {model.size} x {model.size}, "
            f"{model.fixed_batch or SMALLEST_BATCH} at once; it failed: {error}. Declare its 'input_size' or 'layout', "
            "or export it with a dynamic batch axis"
        ) from error
    return estimator
