"""The table of steps, and what follows from it."""

from pathlib import Path

import pytest

from age_audit.core import config
from age_audit.pipeline.steps import ASK_ESTIMATOR, FROM_CROPS, STEPS, Job, Picture, chain, of_stage, picture_path
from age_audit.pipeline.tasks import EstimateTask, EvaluateTask, ExplainTask, FaceTask, worker_died


def test_every_need_stands_above():
    names = list(STEPS)
    assert all(names.index(needed) < names.index(name) for name, step in STEPS.items() for needed in step.needs)


def test_stages():
    assert of_stage(1) == config.STEPS
    assert of_stage(2) == ("landmarks", "activations", "boxes", "region_years")
    assert FROM_CROPS & set(of_stage(1)) == ASK_ESTIMATOR == {"estimate", "explain"}


@pytest.mark.parametrize(
    ("asked", "aligned", "expected"),
    [
        (["align"], True, ["align"]),
        (["crop"], True, ["align", "crop"]),
        (["crop"], False, ["crop"]),
        (["explain"], False, ["crop", "explain"]),
        (["estimate"], True, ["align", "crop", "estimate"]),
        (["activations"], False, ["crop", "explain", "landmarks", "activations"]),
        (["boxes"], False, ["crop", "explain", "landmarks", "boxes"]),
        (config.STEPS, True, ["align", "crop", "estimate", "explain"]),
    ],
)
def test_chain(asked, aligned, expected):
    assert chain(asked, aligned) == expected


def test_pictures_keep_the_whole_file_name():
    assert picture_path(Path("out"), "explain", "a.jpg") == Path("out/img-masks/a.jpg.png")


def job(step, image="a.jpg"):
    return Job(image, step, f"variant of {step}", f"key of {step}")


NOWHERE = Path("nowhere")
THERE = Picture(NOWHERE, "00")
FACE = {"path": NOWHERE, "align": job("align"), "aligned_path": NOWHERE, "cropped_path": NOWHERE}
EVALUATION = (THERE, job("landmarks"))


@pytest.mark.parametrize(
    ("task", "blamed"),
    [
        (FaceTask(job("read"), crop=job("crop"), aligned=None, **FACE), [job("read")]),
        (FaceTask(job("read"), crop=job("crop"), aligned=THERE, **FACE), [job("crop")]),
        (
            EstimateTask(((job("estimate", "a.jpg"), THERE), (job("estimate", "b.jpg"), THERE)), None),
            [job("estimate", "a.jpg"), job("estimate", "b.jpg")],
        ),
        (ExplainTask(job("explain"), THERE, NOWHERE, None, "lime", None, 0), [job("explain")]),
        (EvaluateTask(*EVALUATION, None, (job("activations"), job("boxes")), b""), [job("landmarks")]),
        (EvaluateTask(*EVALUATION, ((1, 2),), (job("boxes"),), b""), [job("boxes")]),
        (
            EvaluateTask(*EVALUATION, ((1, 2),), (job("activations"), job("boxes")), b""),
            [job("activations"), job("boxes")],
        ),
    ],
)
def test_whom_a_dead_worker_is_blamed_on(task, blamed):
    records = worker_died(task)
    assert [(r.image, r.outcome.stage, r.variant, r.key) for r in records] == [
        (b.image, b.step, b.variant, b.key) for b in blamed
    ]
    assert {(r.outcome.status, r.outcome.reason, r.payload) for r in records} == {("failed", "worker-died", None)}
