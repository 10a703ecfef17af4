"""An estimator around a Keras model; the only place that runs one. Works on any Keras 3 backend."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import keras
import numpy as np

from age_audit.core.errors import UsageError
from age_audit.core.schema import CANVAS
from age_audit.estimators.base import AgeEstimator, EstimatorInfo, answer_of
from age_audit.estimators.custom import EstimatorConfig
from age_audit.estimators.hardware import GPU_BATCH, check_gpu, leave_memory, runs_on_gpu
from age_audit.estimators.masked import MaskedFaces

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
        self._device = device
        with on_device(device):
            self._graph = _with_preprocessing(model, info, view)
        if runs_on_gpu(device):
            self.batch = GPU_BATCH

    def forward(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        return self._answer(faces.astype(np.float32, copy=False))

    def forward_masked(self, masked: MaskedFaces, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        # Made by the backend, on its device: a graphics card gets two pictures instead of a hundred.
        with on_device(self._device):
            image, hidden = (keras.ops.convert_to_tensor(picture, "float32") for picture in masked.pictures())
            pixels = keras.ops.take(keras.ops.convert_to_tensor(visible), masked.segments, axis=1)
            faces = keras.ops.where(pixels[..., None], image, hidden)
        return self._answer(faces)

    def _answer(self, faces) -> tuple[np.ndarray, np.ndarray | None]:
        with on_device(self._device):
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


def _with_preprocessing(model: keras.Model, info: EstimatorInfo, view: int) -> keras.Model:
    faces = keras.Input((CANVAS, CANVAS, 3), dtype="float32", name="faces")
    margin = (CANVAS - view) // 2
    pixels = faces[:, margin : CANVAS - margin, margin : CANVAS - margin] if margin else faces
    if info.input_size != view:
        pixels = keras.ops.image.resize(pixels, (info.input_size, info.input_size), interpolation="bilinear")
    if info.channel_order == "BGR":
        pixels = keras.ops.flip(pixels, axis=-1)
    low, high = info.value_range
    if (low, high) != (0.0, 255.0):
        pixels = pixels * ((high - low) / 255.0) + low
    return keras.Model(faces, model(pixels), name=f"{model.name}_from_faces")


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
