"""However a run ends, the same command goes on where it was, and the results are those of a run that nobody ended."""

import math
import os
import random
import shutil
import signal
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import analysis_1_method
import analysis_2_evaluate
from age_audit.data.metadatasets import read_metadataset
from age_audit.pipeline.steps import STEPS
from tests.pipeline.processes import (
    Running,
    everything_in,
    finish,
    pictures,
    recorded,
    stage_arguments,
    stage_command,
    steps_recorded,
    told,
)

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc"),
]

KILLS = 20
LIVES = 2  # output folders that these are spread over
IN_THE_MIDST = 7  # kills at least that fall in the explanations, or between the first and the last face of stage 2
AT_THE_END = 0.1  # seconds, about, in which a stage writes its files
WORKERS_VANISH_WITHIN = 10  # seconds, on a busy machine


def masks(folder):
    return {path for path in pictures(folder) if "img-masks" in path}


def course_of(done):
    """What a run does to one face after the other: (stage, steps recorded before, seconds it takes)."""
    course, before = [], 0
    for stage in (1, 2):
        steps = [(image, row[-1]) for (image, step, _), row in done.items() if STEPS[step].stage == stage]
        for _, together in groupby(steps, key=itemgetter(0)):  # recorded at once
            seconds = [took for _, took in together]
            course.append((stage, before, sum(seconds)))
            before += len(seconds)
        course.append((stage, before, AT_THE_END))
    return course


class Life:
    """One output folder, in which runs are killed until they have done all.

    ``kills`` holds (stage, whether all processes were killed, what the run was at, number of steps recorded by then),
    ``kept`` the steps.
    """

    def __init__(self, photos, folder, workers):
        self.photos, self.folder, self.workers = photos, folder, workers
        self.log, self.json_log = folder.with_suffix(".log"), folder.with_suffix(".jsonl")
        self.kills, self.kept = [], {}

    def start(self, stage):
        self.json_log.unlink(missing_ok=True)
        options = ["--workers", str(self.workers), "--json-log", str(self.json_log)]
        return Running(stage_command(stage, self.photos, self.folder, *options), self.log)

    def spend(self, moments):
        """Kill a run at each moment, (stage, steps recorded by then, seconds after that), then let both stages end."""
        for stage in (1, 2):
            for _, steps, seconds in (moment for moment in moments if moment[0] == stage):
                if not self.kill(stage, steps, seconds):
                    break
            else:
                with self.start(stage) as run:
                    assert run.exit_code() == 0, run.said()

    def kill(self, stage, steps, seconds):
        """Kill a run that has begun to work; false when it ended before."""
        with self.start(stage) as run:
            reached = run.wait_for(lambda: told(self.json_log) and steps_recorded(self.folder) >= steps)
            if not reached or run.ends_within(seconds):
                assert run.exit_code() == 0, run.said()
                return False
            to_all = len(self.kills) % 2 == 1
            run.send(signal.SIGKILL, to_all)
            assert run.seconds_to_vanish() < WORKERS_VANISH_WITHIN
        now = recorded(self.folder)
        assert self.kept.items() <= now.items()  # with the seconds they took: nothing recorded was done again
        self.kept = now
        at = told(self.json_log)[-1]
        self.kills.append((stage, to_all, at["step"] if at["event"] in ("step-begins", "step") else "", len(now)))
        return True


def test_killed_twenty_times(eight_photos, uninterrupted, tmp_path):
    rng, lives, missing = random.Random(2017), [], KILLS
    course = course_of(recorded(uninterrupted.folder))  # by steps, not by the clock: busy machines are slower
    while missing:
        assert len(lives) < 3 * LIVES
        life = Life(eight_photos, tmp_path / str(len(lives)), workers=1 + len(lives) % 2)
        lives.append(life)
        count = min(missing, math.ceil(KILLS / LIVES))
        places = [len(course) * (number + rng.random()) / count for number in range(count)]
        life.spend([(*course[int(place)][:2], place % 1 * course[int(place)][2]) for place in places])
        missing -= len(life.kills)
        assert everything_in(life.folder) == uninterrupted.everything
        assert life.kept.items() <= recorded(life.folder).items()
    kills = [(life.workers, *kill) for life in lives for kill in life.kills]
    assert {(1, 1), (2, 1)} <= {kill[:2] for kill in kills}
    assert {(2, False), (2, True)} <= {(workers, to_all) for workers, _, to_all, *_ in kills}
    assert len({steps for *_, steps in kills}) > KILLS / 4  # work was hit, at many points
    explaining = [kill for kill in kills if kill[3] == "explain (published, lime of top-class)"]
    second = [before for stage, before, _ in course if stage == 2]
    midway = [kill for kill in kills if kill[3] == "regions" and second[1] <= kill[4] < second[-1]]
    assert explaining and midway and len(explaining) + len(midway) >= IN_THE_MIDST, kills


def test_ctrl_c(eight_photos, uninterrupted, tmp_path):
    for attempt in range(3):  # on a busy machine a run may end before the signal reaches it: then once more
        folder = tmp_path / f"folder-{attempt}"
        moments = [
            ("2", lambda run: any(run.has_loaded(pid, "numpy") for pid in run.workers())),  # in the middle of starting
            ("2", lambda run, folder=folder: masks(folder)),
            ("1", lambda run, folder=folder: run.said() and len(masks(folder)) > 3),
        ]
        if all(interrupted(eight_photos, folder, tmp_path / "log", *moment) for moment in moments):
            break
    else:
        pytest.fail("every run went on to its end")
    kept = recorded(folder)
    assert len(kept) > 8 + 7 + 6 + 6  # read, align, crop, estimate
    for stage in (1, 2):
        finish(stage, eight_photos, folder)
    assert kept.items() <= recorded(folder).items()
    assert everything_in(folder) == uninterrupted.everything


def interrupted(photos, folder, log, workers, moment) -> bool:
    """Press Ctrl-C at that moment; False if the run was through already."""
    with Running(stage_command(1, photos, folder, "--workers", workers), log) as run:
        if run.wait_for(lambda: moment(run)):
            run.send(signal.SIGINT, to_all=True)
        code = run.exit_code()
        if code == 0:
            assert len(masks(folder)) == 6, run.said()
            return False
        assert code == 130
        told = run.last_line()
        assert told == "analysis_1_method.py: interrupted; what is done is kept, run the same command to go on"
        assert "Traceback" not in run.said()
        assert run.seconds_to_vanish() < WORKERS_VANISH_WITHIN
        assert not list(folder.rglob("*.partial"))
    return True


def test_workers_killed_from_outside(eight_photos, uninterrupted, tmp_path):
    folder = tmp_path / "folder"
    with Running(stage_command(1, eight_photos, folder, "--workers", "2"), tmp_path / "log") as run:
        for made, in_all in ((pictures, 6 + 6), (masks, 6)):
            assert run.wait_for(lambda made=made: made(folder)), run.said()
            os.kill(run.workers()[0], signal.SIGKILL)
            assert len(made(folder)) < in_all  # there was work left
        assert run.exit_code() == 0
        assert run.last_line() == "8 images = 6 done + 2 failed (align/no-face 1, read/truncated 1)"
        assert "Traceback" not in run.said()
    assert analysis_2_evaluate.main(stage_arguments(2, eight_photos, folder)) == 0
    assert everything_in(folder) == uninterrupted.everything


DEADLY = """
import os, signal
from pathlib import Path
import numpy as np

def ages(faces):
    brightness = faces.mean(axis=(1, 2, 3))
    if ((0 < brightness) & (brightness < {limit})).any():  # a face that comes alone comes with a black one
        Path("folder/out/img-masks/.1-0.partial").touch()  # as if a picture had been half written
        os.kill(os.getpid(), signal.SIGKILL)
    return np.eye(101)[np.full(len(faces), 30)]
"""


def test_a_face_that_kills_its_worker_is_the_only_one_lost(eight_photos, uninterrupted, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "folder"
    shutil.copytree(uninterrupted.folder, folder)
    shutil.rmtree(folder / "meta")  # of another estimator
    crops = {path.name.removesuffix(".png"): path for path in (folder / "out" / "img-cropped").iterdir()}
    by_brightness = sorted(crops, key=lambda name: np.array(Image.open(crops[name])).mean())
    limits = [np.array(Image.open(crops[name])).mean() for name in by_brightness[:2]]
    (tmp_path / "deadly.py").write_text(DEADLY.format(limit=np.mean(limits)))
    monkeypatch.chdir(tmp_path)
    options = ["--estimator", "deadly:ages", "--steps", "estimate", "--workers", "2"]
    assert analysis_1_method.main(stage_arguments(1, eight_photos, folder, *options)) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == "8 images = 5 done + 3 failed (align/no-face 1, estimate/worker-died 1, read/truncated 1)"
    estimates = read_metadataset(folder / "meta", "utkface", "predictions")["predictions"]
    assert estimates == dict.fromkeys(sorted(by_brightness[1:]), 30)
    assert not list(folder.rglob("*.partial"))


def test_some_images_first_and_then_all(eight_photos, uninterrupted, tmp_path):
    assert analysis_1_method.main(stage_arguments(1, eight_photos, tmp_path, "--limit", "3")) == 0
    assert analysis_2_evaluate.main(stage_arguments(2, eight_photos, tmp_path)) == 0
    assert len(read_metadataset(tmp_path / "meta", "utkface", "activations")) == 2  # and a damaged file
    for stage in (1, 2):
        finish(stage, eight_photos, tmp_path)
    assert everything_in(tmp_path) == uninterrupted.everything
