"""Training of the small network on a few pictures: it learns, and a run that was killed ends with the same bytes."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.paths import ROOT
from age_audit.store.files import png_bytes
from age_audit.training import fit, models
from age_audit.training.inputs import Augmentation
from age_audit.training.state import save_model

STAGES = ("all:0.003:2", "1:0.001:1")
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def made(folder, count=36):
    """Pictures whose colour is their group: dark red, green or bright blue, with noise."""
    rng = np.random.default_rng(1)
    codes = np.arange(count) % 3
    paths = [folder / f"{i:02}.png" for i in range(count)]
    for path, code in zip(paths, codes, strict=True):
        face = rng.integers(0, 60, (224, 224, 3))
        face[..., code] += 40 + 60 * code
        path.write_bytes(png_bytes(face.astype(np.uint8)))
    rows = np.arange(count - 12)
    validation = np.arange(count - 12, count)
    return fit.Faces(paths, np.eye(3, dtype=np.float32)[codes], rows, np.ones(len(rows)), validation)


def trained(faces, folder, tell=print, seed=1, **changed):
    """Curves, and the hash of the model."""
    network = models.build("cnn", 3, options=models.Options(size=32), seed=seed)
    options = {"augmentation": Augmentation(), "batch": 8} | changed
    plan = fit.Plan(fit.parse_stages(STAGES), "cross-entropy", seed=seed, **options)
    (folder / "cache").mkdir(parents=True, exist_ok=True)
    curves = fit.train(network, faces, plan, folder, folder / "cache", tell)
    return curves, save_model(network.model, folder / "model.keras")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return made(tmp_path_factory.mktemp("faces"))


@pytest.fixture(scope="module")
def uninterrupted(faces, tmp_path_factory):
    return trained(faces, tmp_path_factory.mktemp("whole"))


def test_it_learns(uninterrupted):
    curves, _ = uninterrupted
    assert curves[["stage", "epoch"]].to_numpy().tolist() == [[1, 1], [1, 2], [2, 1]]
    assert curves["loss"].iloc[-1] < curves["loss"].iloc[0]


class Stopped(Exception):
    """What a user's Ctrl-C is to a program."""


def stopped_after_an_epoch(faces, folder):
    def stop(_):
        raise Stopped

    with pytest.raises(Stopped):
        trained(faces, folder, lambda line: stop(line) if line.startswith("stage") else None)


@pytest.fixture(scope="module")
def begun(faces, tmp_path_factory):
    """What a training has left that was stopped after its first epoch."""
    folder = tmp_path_factory.mktemp("begun")
    stopped_after_an_epoch(faces, folder)
    return folder


def test_stopped_after_every_epoch_it_ends_with_the_same_bytes(faces, tmp_path, begun, uninterrupted):
    """Within a stage, and between two."""
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    stopped_after_an_epoch(faces, tmp_path)
    curves, digest = trained(faces, tmp_path)
    assert digest == uninterrupted[1]
    assert curves.to_csv() == uninterrupted[0].to_csv()


def test_killed_in_an_epoch_it_ends_with_the_same_bytes(faces, tmp_path):
    """All in processes of their own, with one thread: what ran in this one before has chosen its threads."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | dict.fromkeys(THREADS, "1")

    def run(*folders):
        command = [sys.executable, Path(__file__), faces.paths[0].parent, *folders]
        return subprocess.run(command, env=environment, check=False, capture_output=True).returncode

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(whole, killed) == -signal.SIGKILL and (killed / fit.STATE).is_file()
    assert not (killed / "model.keras").exists()
    assert run(killed) == 0
    assert (killed / "model.keras").read_bytes() == (whole / "model.keras").read_bytes()


def test_another_training_is_not_gone_on_with(faces, tmp_path, begun):
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    with pytest.raises(UsageError, match="other options"):
        trained(faces, tmp_path, batch=4)


def test_other_pictures_under_the_same_names_are_another_training(faces, tmp_path, begun):
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    pictures = shutil.copytree(faces.paths[0].parent, tmp_path / "faces")
    shutil.copy(faces.paths[1], pictures / faces.paths[0].name)
    with pytest.raises(UsageError, match="faces or labels"):
        trained(faces._replace(paths=[pictures / path.name for path in faces.paths]), tmp_path)


def test_weights_that_no_epoch_has_made_better_are_not_given_out_as_trained(faces, tmp_path):
    network = models.build("cnn", 3, options=models.Options(size=32), seed=1)
    broken = faces._replace(truth=np.full_like(faces.truth, np.nan))
    with pytest.raises(UsageError, match="smaller learning rate"):
        fit.train(network, broken, fit.Plan((fit.Stage(1, 0.1, 1),), "cross-entropy", None), tmp_path, tmp_path)


def test_a_stage_ends_when_validation_does_not_improve(faces, tmp_path):
    network = models.build("cnn", 3, options=models.Options(size=32), seed=1)
    plan = fit.Plan((fit.Stage(2, 10.0, 50),), "cross-entropy", None, patience=2, batch=8)
    curves = fit.train(network, faces, plan, tmp_path, tmp_path, lambda _: None)
    assert len(curves) < 50 and len(curves) - 1 - curves["validation_loss"].argmin() in (2, len(curves) - 1)


def test_what_is_frozen_stays_and_is_asked_once(faces, tmp_path):
    network = models.build("cnn", 3, options=models.Options(size=32), seed=1)
    before = network.model.get_layer("conv_6").get_weights()[0].copy()
    plan = fit.Plan((fit.Stage(1, 0.01, 2),), "cross-entropy", Augmentation(), batch=8)
    fit.train(network, faces, plan, tmp_path, tmp_path, lambda _: None)
    assert np.array_equal(before, network.model.get_layer("conv_6").get_weights()[0])
    kept = [np.load(path) for path in tmp_path.glob("*.npy")]
    assert [array.shape for array in kept] == [(2, len(faces.paths), 4, 4, 256)]
    assert not np.array_equal(kept[0][0], kept[0][1])  # mirrored


def test_stages_are_read_and_wrong_ones_refused():
    assert fit.parse_stages(["0:1e-3:2"]) == (fit.Stage(0, 0.001, 2),)
    for text in ("3", "a:0.1:3", "1:0:3", "1:0.1:0"):
        with pytest.raises(UsageError):
            fit.parse_stages([text])


def kill_in_second_epoch(line):
    """A moment after the first has been told of."""
    if line.startswith("stage"):
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGKILL)).start()


if __name__ == "__main__":  # a process that is killed in the second training, if there is one
    pictures, first, *second = map(Path, sys.argv[1:])
    trained(made(pictures), first)
    for output in second:
        trained(made(pictures), output, kill_in_second_epoch)
