"""An estimator around a Keras model; the only place that runs one. Works on any Keras 3 backend."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from age_audit.core.errors import UsageError
from age_audit.core.schema import CANVAS
from age_audit.estimators.base import AgeEstimator, EstimatorInfo, answer_of, checked_faces
from age_audit.estimators.custom import EstimatorConfig
from age_audit.estimators.gradients import cut_at_last_maps, gradient_of, traced_gradient
from age_audit.estimators.hardware import GPU_BATCH, check_gpu, leave_memory, runs_on_gpu
from age_audit.estimators.masked import MaskedFaces
from age_audit.estimators.targets import Target

leave_memory()  # before any model is built
# As Keras comes: what the user's own keras.json says for other work would reach into ages.
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_image_data_format("channels_last")
check_device = check_gpu


class KerasEstimator(AgeEstimator):
    """Faces are resized, put in channel order and range inside the graph, then run through the model.

    Parameters
    ----------
    model : keras.Model
        Input (N, size, size, 3); output the class probabilities or ages, or a pair of gender and these.
    info : EstimatorInfo
    classes : ndarray of float, shape (C,)
        Years; empty for a model that answers with ages.
    gender_first : bool
        Whether the model's outputs are [gender, age], gender[:, 0] being the probability of "female".
    output : str
        What the model answers with: ``"probabilities"``, ``"logits"`` or ``"ages"``.
    device : str
        ``auto``, ``cpu``, ``gpu`` or ``gpu:N``.
    view : int
        Rows and columns in the middle of the crop that the model is shown; the detector's box has 124.

    Examples
    --------
    >>> inputs = keras.Input((8, 8, 3))
    >>> pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    >>> model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(pooled))
    >>> info = EstimatorInfo("tiny", "none", 8, "RGB", (0.0, 1.0))
    >>> black = np.zeros((1, 224, 224, 3), dtype=np.uint8)
    >>> KerasEstimator(model, info, classes=np.array([0.0, 100.0])).predict(black).age  # both classes alike
    array([50.])
    """

    gives_gradients = True

    def __init__(
        self,
        model: keras.Model,
        info: EstimatorInfo,
        classes: np.ndarray,
        gender_first: bool = False,
        output: str = "probabilities",
        device: str = "auto",
        view: int = CANVAS,
    ):
        self.info = info
        self.classes = np.asarray(classes, dtype=np.float64)
        self._output = output
        self._gender_first = gender_first
        self.device = device
        self.model = model
        self.view = view
        self._traced: dict[Target, Callable] = {}  # derivatives of targets, as they are asked for
        self.gives_gender = gender_first
        with on_device(device):
            self.preprocessing = _preprocessing(info, view)
            self._graph = keras.Model(
                self.preprocessing.input, model(self.preprocessing.output), name=f"{model.name}_from_faces"
            )
        if runs_on_gpu(device):
            self.batch = GPU_BATCH

    def around(self, model: keras.Model, what: str) -> KerasEstimator:
        """The same around another model of the same inputs and outputs; ``what`` is added to its name."""
        info = replace(self.info, name=f"{self.info.name} {what}", weights_hash="none")
        made = KerasEstimator(model, info, self.classes, self._gender_first, self._output, self.device, self.view)
        made.batch = self.batch
        return made

    def forward(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        answer, female = self._answer(faces.astype(np.float32, copy=False))
        if faces.dtype != np.uint8:  # a model may clip NaN to a number on its way
            unknown = ~np.isfinite(faces).all(axis=(1, 2, 3))
            answer[unknown] = np.nan
        return answer, female

    def forward_masked(self, masked: MaskedFaces, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        if not runs_on_gpu(self.device):
            return super().forward_masked(masked, visible)
        # Made by the backend, on its device: a graphics card gets two pictures instead of a hundred.
        with on_device(self.device):
            image, hidden = (keras.ops.convert_to_tensor(picture, "float32") for picture in masked.pictures())
            pixels = keras.ops.take(keras.ops.convert_to_tensor(visible), masked.segments, axis=1)
            faces = keras.ops.where(pixels[..., None], image, hidden)
        return self._answer(faces)

    def gradients(self, faces: np.ndarray, target: Target) -> np.ndarray:
        target.check(self.classes, self.gives_gender)
        faces = checked_faces(faces).astype(np.float32, copy=False)

        if target not in self._traced:

            def number(pixels):
                return self._number(self._graph(pixels, training=False), target)

            self._traced[target] = traced_gradient(number, faces.shape[1:])
        return self._by_batches(lambda some: (self._traced[target](some),), faces)[0]

    def last_maps(self, faces: np.ndarray, target: Target) -> tuple[np.ndarray, np.ndarray]:
        target.check(self.classes, self.gives_gender)
        faces = checked_faces(faces).astype(np.float32, copy=False)
        trunk, head = self._halves

        def maps_and_gradients(some: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            pixels = self.preprocessing(keras.ops.convert_to_tensor(some, "float32"))
            maps = keras.ops.convert_to_numpy(keras.ops.cast(trunk(pixels, training=False), "float32"))
            return maps, gradient_of(lambda tensor: self._number(head(tensor, training=False), target), maps)

        return self._by_batches(maps_and_gradients, faces)

    def check_maps(self) -> None:
        """Raise UsageError where no layer keeps rows and columns, so that :meth:`last_maps` has nothing to give."""
        _ = self._halves

    @cached_property
    def _halves(self) -> tuple[keras.Model, keras.Model]:
        with on_device(self.device):
            return cut_at_last_maps(self.model)

    def _by_batches(self, work: Callable, faces: np.ndarray) -> tuple[np.ndarray, ...]:
        """Join what some faces at a time give: derivatives keep every layer's values, four times what estimates do."""
        size = max(1, self.batch // 4)
        with on_device(self.device):
            parts = [work(faces[start : start + size]) for start in range(0, len(faces), size)]
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def _number(self, outputs, target: Target):
        """The target, a tensor (N,), of what the model gives."""
        gender, answer = outputs if self._gender_first else (None, outputs)
        if target.kind == "female":
            return keras.ops.cast(gender, "float32")[:, 0]
        answer = keras.ops.cast(answer, "float32")
        if not self.gives_classes:
            return keras.ops.reshape(answer, (-1,))
        if self._output == "logits":
            answer = keras.ops.softmax(answer, axis=-1)
        return keras.ops.matmul(answer, keras.ops.convert_to_tensor(target.of_classes(self.classes), "float32"))

    def _answer(self, faces) -> tuple[np.ndarray, np.ndarray | None]:
        with on_device(self.device):
            outputs = self._graph.predict_on_batch(faces)
        gender, answer = outputs if self._gender_first else (None, outputs)
        answer = np.asarray(answer, dtype=np.float32)
        answer = answer_of(answer, self._output) if self.gives_classes else answer.reshape(-1)
        return answer, None if gender is None else np.asarray(gender, dtype=np.float32)[:, 0]


def on_device(device: str) -> AbstractContextManager:
    """Keras' own context for a device; for ``auto`` the library under it chooses.

    Examples
    --------
    >>> with on_device("cpu"):
    ...     ones = keras.ops.ones(2)
    >>> tuple(ones.shape)
    (2,)
    """
    if device == "auto":
        return nullcontext()
    return keras.device(device if ":" in device else f"{device}:0")


def policy_of(precision: str) -> keras.DTypePolicy:
    """In what a layer computes: ``float32``, or ``bfloat16`` with its weights kept in float32.

    Examples
    --------
    >>> policy_of("bfloat16").compute_dtype, policy_of("bfloat16").variable_dtype
    ('bfloat16', 'float32')
    """
    return keras.DTypePolicy("mixed_bfloat16" if precision == "bfloat16" else "float32")


def _preprocessing(info: EstimatorInfo, view: int) -> keras.Model:
    """From crops, (N, 224, 224, 3) RGB 0-255, to what the model takes."""
    faces = keras.Input((CANVAS, CANVAS, 3), dtype="float32", name="faces")
    return keras.Model(faces, as_fed(as_seen(faces, info.input_size, view), info), name="from_faces")


def as_seen(faces, size: int, view: int = CANVAS):
    """The middle of crops, a tensor (N, 224, 224, 3) RGB 0-255, in the size that a model takes, (N, size, size, 3).

    Examples
    --------
    >>> as_seen(keras.Input((224, 224, 3)), 64, 168).shape
    (None, 64, 64, 3)
    """
    margin = (CANVAS - view) // 2
    pixels = faces[:, margin : CANVAS - margin, margin : CANVAS - margin] if margin else faces
    return pixels if size == view else keras.ops.image.resize(pixels, (size, size), interpolation="bilinear")


def as_fed(pixels, info: EstimatorInfo):
    """Pixels, RGB 0-255, in the order of channels and the range that a model takes.

    Examples
    --------
    >>> pixels = np.array([[[[0.0, 51, 255]]]], dtype=np.float32)
    >>> np.asarray(as_fed(pixels, EstimatorInfo("tiny", "none", 1, "BGR", (-1.0, 1.0)))).round(1).ravel().tolist()
    [1.0, -0.6000000238418579, -1.0]
    """
    if info.channel_order == "BGR":
        pixels = keras.ops.flip(pixels, axis=-1)
    low, high = info.value_range
    return pixels if (low, high) == (0.0, 255.0) else pixels * ((high - low) / 255.0) + low


def load_model(path: Path) -> keras.Model:
    """Read a ``.keras`` file; code stored in it (Lambda layers) is refused.

    Raises
    ------
    UsageError
        When it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(Path(folder) / "mine.keras")
    ...     loaded = load_model(Path(folder) / "mine.keras")
    >>> loaded.output_shape
    (None, 1)
    """
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras, h5py and zipfile raise whatever a damaged file happens to hit
        raise UsageError(
            f"expected {path} to be a .keras model file; loading it failed: {type(error).__name__}: {error}; save or "
            "copy it again"
        ) from error


def configure_threads(count: int) -> None:
    """Let the model use this many threads; must come before the first model runs in the process.

    Only TensorFlow needs telling: it takes all cores by default, and several worker processes would fight over them.

    Examples
    --------
    >>> configure_threads(1)  # before the first model runs  # doctest: +SKIP
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(count)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)


def load_own(config: EstimatorConfig, device: str = "auto") -> KerasEstimator:
    """A user's ``.keras`` file, fed faces of its own input size.

    Examples
    --------
    >>> import tempfile
    >>> layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(101, "softmax")]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keras.Sequential(layers).save(Path(folder) / "mine.keras")
    ...     load_own(EstimatorConfig(f"{folder}/mine.keras")).info.input_size
    8
    """
    path = Path(config.model)
    check_gpu(device)
    model = load_model(path)
    shape = model.input_shape
    if len(shape) != 4 or shape[3] != 3 or shape[1] != shape[2]:
        raise UsageError(f"expected {path.name} to take (N, size, size, 3), it takes {shape}")
    expected = ((None,), (None, 1)) if config.output == "ages" else ((None, len(config.classes)),)
    if model.output_shape not in expected:
        raise UsageError(
            f"expected {path.name} to give {config.output} of shape {expected[-1]}, it gives "
            f"{model.output_shape}; declare 'classes' or 'output' in its description"
        )
    info = config.info(shape[1] or CANVAS)
    return KerasEstimator(model, info, config.years, output=config.output, device=device)
