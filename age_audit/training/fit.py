"""Training in stages, each from where the one before was best; a run that is killed goes on with the same numbers."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from age_audit.core.checks import Checked, number, whole
from age_audit.core.errors import UsageError
from age_audit.store.files import sha256_of
from age_audit.training.frozen import cached
from age_audit.training.inputs import (
    Augmentation,
    Batches,
    draw_changes,
    examples_of_epoch,
    whole_in_order,
)
from age_audit.training.losses import group_said, loss_function
from age_audit.training.models import Network, cut
from age_audit.training.state import State

STATE = "state.npz"


@dataclass(frozen=True)
class Stage(Checked):
    """One stage of training.

    Attributes
    ----------
    layers : int
        How many of the backbone's last layers with weights are trained beside the head.
    rate : float
        Learning rate of Adam at the start, which falls to 0 at the last epoch as half a cosine.
    epochs : int
        At most.
    """

    layers: int = whole(0, least=0)
    rate: float = number(0.001, 1e-7, 10)  # beyond these nothing is learnt, or what was learnt is destroyed
    epochs: int = whole(20, least=1)


def parse_stages(texts: Sequence[str]) -> tuple[Stage, ...]:
    """Stages as options name them: layers, learning rate and epochs, such as ``0:0.001:20`` or ``all:0.001:30``.

    Examples
    --------
    >>> parse_stages(["0:0.001:20", "4:1e-4:5"])[1]
    Stage(layers=4, rate=0.0001, epochs=5)
    """
    stages = []
    for text in texts:
        match = re.fullmatch(r"(\d+|all):([\d.e+-]+):(\d+)", text)
        try:
            stages.append(Stage(10_000 if match[1] == "all" else int(match[1]), float(match[2]), int(match[3])))
        except UsageError as error:
            raise UsageError(f"--stages {text}: {error}") from error
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"expected stages as LAYERS:RATE:EPOCHS, such as 0:0.001:20 or all:0.001:30, got {text!r}"
            ) from error
    if not stages:
        raise UsageError("expected one stage or more, such as 0:0.001:20, got none")
    return tuple(stages)


class Faces(NamedTuple):
    """What is learnt from.

    Attributes
    ----------
    paths : sequence of Path
        Crops of N faces, PNG.
    truth : ndarray of float32, shape (N, K)
        What the probabilities should be.
    rows, weights : ndarray, shape (M,)
        Training faces, by their places in ``paths``, and what each counts.
    validation : ndarray of int
        Places of the faces by which the best epoch is chosen.
    """

    paths: Sequence[Path]
    truth: np.ndarray
    rows: np.ndarray
    weights: np.ndarray
    validation: np.ndarray


@dataclass(frozen=True)
class Plan:
    """How it is learnt: ``versions`` of each face that frozen layers are asked about, ``patience`` in epochs,
    more than the few in which the loss rises while the rate of a new stage is high.
    """

    stages: tuple[Stage, ...]
    loss: str
    augmentation: Augmentation | None
    versions: int = 2
    batch: int = 32
    patience: int = 10
    seed: int = 0


def train(
    network: Network, faces: Faces, plan: Plan, folder: Path, cache: Path, tell: Callable[[str], object] = print
) -> pd.DataFrame:
    """Train a network; it ends with the weights that were best on the validation faces.

    Frozen layers are asked once about each face, in so many versions, and their answers kept in ``cache``; what is
    trained then is only what comes after them. After each epoch all that the next depends on is written to ``folder``;
    called again with the same arguments, training goes on from there and ends with the same weights.

    Parameters
    ----------
    network : Network
        Its weights are changed.
    faces : Faces
    plan : Plan
    folder, cache : Path
        Folders that exist. The cache may be shared by runs on the same faces.
    tell : callable
        Gets a line an epoch, with the time left at most.

    Returns
    -------
    DataFrame
        A row an epoch: ``stage`` and ``epoch`` from 1; ``loss`` per face; ``exact`` and ``within_one``, shares of the
        faces shown, as they were changed, that are put into their group, or theirs or the next; and the same of the
        validation faces.

    Raises
    ------
    UsageError
        If the folder holds the state of another training, or the loss was never a number.
    """
    learnt = cut(network, max(stage.layers for stage in plan.stages))[1]
    state = State(folder / STATE, learnt, _key(network, plan, faces))
    for place, stage in enumerate(plan.stages, 1):
        if state.stage > place:
            continue
        state.take_best()
        trunk, tail, pictures = cut(network, stage.layers)
        parts = cached(trunk, faces.paths, versions(len(faces.paths), plan, pictures), cache, tell)
        steps = -(-len(faces.rows) // plan.batch)
        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(stage.rate, steps * stage.epochs))
        tail.compile(optimizer, loss_function(plan.loss), metrics=shares(plan.loss), jit_compile=False)
        optimizer.build(tail.trainable_variables)
        state.begin(place, optimizer)
        held_out = whole_in_order(faces.truth, parts, faces.validation).fastest()
        while state.epoch < stage.epochs and state.waited < plan.patience:
            start = time.monotonic()
            shown = _shown(faces, plan, parts, pictures, place, state.epoch + 1)
            found = tail.fit(shown.fastest(), validation_data=held_out, verbose=0, shuffle=False).history
            state.keep({name.replace("val_", "validation_"): values[0] for name, values in found.items()})
            tell(_line(state, stage, plan, time.monotonic() - start))
    if not np.isfinite(state.lowest):
        raise UsageError(
            "expected a loss of the validation faces that is a number after some epoch, got none; take a smaller "
            "learning rate by --stages, and another --output"
        )
    state.take_best()
    return state.curves


def shares(loss: str) -> list[Callable]:
    """Of two arrays of probabilities (N, K), labels and answers: ``exact``, whether the group that the answer says is
    the labelled one, and ``within_one``, whether it is that or the next to it, tensors of 0 and 1 (N,).

    Examples
    --------
    >>> truth, answer = np.eye(3)[[0, 1, 0]], np.eye(3)[[0, 2, 2]]
    >>> [np.asarray(share(truth, answer)).tolist() for share in shares("cross-entropy")]
    [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]
    """

    def apart(truth, answer):
        return keras.ops.abs(group_said(truth, loss) - group_said(answer, loss))

    def exact(truth, answer):
        return keras.ops.cast(apart(truth, answer) == 0, "float32")

    def within_one(truth, answer):
        return keras.ops.cast(apart(truth, answer) <= 1, "float32")

    return [exact, within_one]


def versions(count: int, plan: Plan, pictures: bool) -> list[np.ndarray]:
    """How each of N faces is changed in each version that is kept: first not at all, then mirrored, then as drawn.

    Where pictures are kept, only as they are: they are changed when they are shown. The versions do not depend on the
    seed, so that runs of several seeds share them.

    Examples
    --------
    >>> plan = Plan((), "cross-entropy", Augmentation(), versions=3)
    >>> [len(versions(5, plan, pictures)) for pictures in (False, True)]
    [3, 1]
    """
    plain = draw_changes(count, None, seed=0, epoch=0)
    if pictures or plan.augmentation is None:
        return [plain]
    mirrored = plain.copy()
    mirrored[:, 0] = plan.augmentation.flip
    drawn = [draw_changes(count, plan.augmentation, seed=0, epoch=epoch) for epoch in range(2, plan.versions)]
    return [plain, mirrored, *drawn][: plan.versions]


def _key(network: Network, plan: Plan, faces: Faces) -> str:
    """Tells trainings apart, by the bytes of the pictures too: under the same names may lie others."""
    shapes = [(variable.path, tuple(variable.shape)) for variable in network.model.variables]
    kinds = [layer.compute_dtype for layer in network.model.layers]
    told = [network.name, network.learnt_from, plan, network.picture.shape, shapes, kinds]
    key = hashlib.sha256(repr(told).encode() + "".join(map(sha256_of, faces.paths)).encode())
    for array in (faces.truth, faces.rows, faces.weights, faces.validation):
        key.update(np.ascontiguousarray(array).tobytes())
    return key.hexdigest()


def _shown(faces: Faces, plan: Plan, parts, pictures: bool, stage: int, epoch: int) -> Batches:
    """The examples of an epoch."""
    when = 1000 * stage + epoch
    which, weights = examples_of_epoch(faces.rows, faces.weights, len(parts[0]), seed=plan.seed, epoch=when)
    changes = draw_changes(len(which), plan.augmentation, seed=plan.seed, epoch=when) if pictures else None
    return Batches(parts, which, faces.truth, weights, changes, plan.batch)


def _line(state: State, stage: Stage, plan: Plan, seconds: float) -> str:
    row = state.curves.iloc[-1]
    left = seconds * (stage.epochs - state.epoch)
    return (
        f"stage {row['stage']:.0f} of {len(plan.stages)}, epoch {row['epoch']:.0f} of at most {stage.epochs}: loss "
        f"{row['loss']:.3f}, of validation {row['validation_loss']:.3f}, exact {row['validation_exact']:.1%}, within "
        f"one {row['validation_within_one']:.1%}; {seconds:.0f} s, stage ends within {left / 60:.0f} min"
    )
