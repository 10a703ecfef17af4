"""The benchmarks run; how fast they find things to be is not tested."""

import pytest

from benchmarks import scaling
from benchmarks.__main__ import GOALS, HEATMAPS, machine, measure, table
from benchmarks.faces import crops


def test_faces_for_those_who_have_none():
    faces = crops(None, 6)
    assert {face.shape for face in faces} == {(224, 224, 3)}
    assert len({face.tobytes() for face in faces}) == 6


def test_table_marks_what_is_not_reached():
    found = {"stage 2, scoring alone": {"literal_to_ours": 470.0}, "2 workers against 1": {"one_to_two": 1.7}}
    lines = table(found).splitlines()[2:]
    assert [line.endswith("not reached") for line in lines] == [False, True]
    assert "at least 300" in lines[0] and " 470 " in lines[0]


def test_a_part_that_runs_apart_gives_the_figures_of_its_goals():
    found = measure("heatmaps", None, quick=True)
    assert {figure for what, figure, *_ in GOALS if what == HEATMAPS} <= set(found[HEATMAPS])


def test_machine_names_what_figures_depend_on():
    assert machine()["cores"] >= 1 and "tensorflow" in machine()["libraries"]


@pytest.mark.parametrize(
    ("seconds", "told"), [(30, "30 s"), (200, "3.3 min"), (7200, "2.0 h"), (86400 * 20, "20 days"), (1e9, "32 years")]
)
def test_durations(seconds, told):
    assert scaling.duration(seconds) == told


def test_explaining_is_the_only_cost_that_grows_with_samples():
    figures = {what: {"two_workers_s": 3.3} for _, what, _ in scaling.WAYS.values()}
    figures |= {"align, detect, crop": {"ours_s": 0.04}, "stage 2, landmarks included": {"ours_s": 0.03}}
    memory = {"workers": 2} | {
        name: {"runs": [None, {"seconds_a_face": {"estimate": 0.06}}]} for name in ("dex-wrn", "cydral-resnet10")
    }
    costs = scaling.core_seconds({"figures": figures}, memory)
    published, audit = costs["dex-wrn, published, float32"], costs["dex-wrn, audit, bfloat16"]
    assert published == {"align, crop": 0.04, "estimate": 0.12, "explain": pytest.approx(6.6), "regions": 0.03}
    assert audit["explain"] == pytest.approx(0.3 + 6.3 * 2.56)
