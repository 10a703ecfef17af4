"""The script of stage 3 as notebooks know it: every published name, and a published cell that runs unchanged."""

import inspect
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import analysis_3_filter_visualise
from age_audit.core.masks import pack_masks
from age_audit.core.paths import ROOT
from age_audit.data.metadatasets import names_array
from age_audit.data.metadatasets import write_metadataset as write_with_provenance
from age_audit.report.notebooks import link_activations
from tests.test_analysis_3 import run_python, synthetic_rows, write_metadataset

LISTS = [
    "GENDERS",
    "RACES",
    "AGE_RANGES",
    "KEYS_BOUNDARIES",
    "KEYS_BOUNDARIES_GENDERS",
    "KEYS_RACE_AGE",
    "KEYS_GENDER_AGE",
    "KEYS_RACE_AGE_BOUNDARIES",
    "FEATURES_ALL",
    "FEATURES_FACIAL",
    "FEATURES_OUTER_BOUNDARIES",
]
LIBRARIES = {
    "json": "json",
    "np": "numpy",
    "pd": "pandas",
    "plt": "matplotlib.pyplot",
    "sns": "seaborn",
    "Image": "PIL.Image",
    "warnings": "warnings",
    "scipy": "scipy",
}
FUNCTIONS = {
    "generate_processed_datasets": ["dataset"],
    "filter_dataset": [
        *("source_dataset", "retain_keys", "key_of_categories", "categorical_values", "age_min=0", "age_max=100"),
    ],
    "normalise_cohort": ["cohort", "desired_n_participants", "verbose=False"],
    "visualise_pairplot": ["dataset_tuple", "accuracy_cutoff=0.9", "verbose=False"],
    "visualise_heatmap_corr_pairplot": [
        *("dataset_tuple", "image_masks_fpath", "x_vars=None", "pairplot_scatter_alpha=0.005"),
        *("age_range=''", "this_type=''"),
    ],
    "visualise_heatmap_corr_pairplot_all": [
        *("dataset_tuple", "image_masks_fpath", "x_vars=None", "pairplot_scatter_alpha=0.005"),
        *("dataset_tuple2=None", "this_type='accurate'", "verbose=False"),
    ],
    "statistic_details": ["data", "arg_race", "age_min", "age_max", "gender", "alpha=0.001", "visualise=False"],
    "statistic_details_for_age_range": ["data", "age_range", "alpha=0.001"],
    "visualise_corr_gender": ["utkface_data"],
}
NOTEBOOK_CELL = """
from analysis_3_filter_visualise import *

utkface_data = json.loads(open("metadataset_utkface_activations.json").read())
face_vs_outer, contribution_pct = generate_processed_datasets(utkface_data)
rows = visualise_heatmap_corr_pairplot(filter_dataset(face_vs_outer["positive"], KEYS_RACE_AGE_BOUNDARIES, "race_real", RACES,
    age_min=0, age_max=12), "utkface/img-masks/", x_vars=KEYS_BOUNDARIES, pairplot_scatter_alpha=0.025, age_range="0 - 12", this_type="positive")
pd.DataFrame(rows)
"""  # noqa: E501
AND_SHOW = """
print(pd.DataFrame(rows)[["race", "age_range", "classification_type", "n"]].to_csv(index=False).strip())
print(sum(bool(axes.images) for axes in plt.gcf().get_axes()[:5]))
"""


def test_every_name_is_passed_on():
    assert sorted(analysis_3_filter_visualise.__all__) == sorted([*LISTS, *LIBRARIES, *FUNCTIONS])
    namespace = {}
    exec("from analysis_3_filter_visualise import *", namespace)
    assert set(namespace) - {"__builtins__"} == {*LISTS, *LIBRARIES, *FUNCTIONS}
    assert {name: namespace[name].__name__ for name in LIBRARIES} == LIBRARIES
    assert all(isinstance(namespace[name], list) for name in LISTS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments(name):
    parameters = inspect.signature(getattr(analysis_3_filter_visualise, name)).parameters.values()
    found = [p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in parameters]
    assert found == FUNCTIONS[name]


def test_cells_that_go_on_with_the_rows_they_gave_run_unchanged():
    utkface_data = synthetic_rows(50)
    parts, _ = analysis_3_filter_visualise.generate_processed_datasets(dataset=utkface_data)
    both = parts["positive"] + parts["negative"]
    matrix = analysis_3_filter_visualise.visualise_corr_gender(utkface_data=utkface_data)
    pd.testing.assert_frame_equal(matrix, analysis_3_filter_visualise.visualise_corr_gender(both))
    keys, races = analysis_3_filter_visualise.KEYS_RACE_AGE_BOUNDARIES, analysis_3_filter_visualise.RACES
    chosen = analysis_3_filter_visualise.filter_dataset(
        source_dataset=utkface_data, retain_keys=keys, key_of_categories="race_real", categorical_values=races
    )
    assert set(chosen.frame) == set(keys)
    assert analysis_3_filter_visualise.normalise_cohort([1, 2], desired_n_participants=3) == [1, 2, 1]


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'visualise'"):
        analysis_3_filter_visualise.visualise  # noqa: B018


def test_drawing_is_loaded_on_demand():
    code = "import sys, analysis_3_filter_visualise; print([m for m in ('matplotlib', 'seaborn') if m in sys.modules])"
    assert run_python("-c", code).stdout == "[]\n"


def test_seaborn_is_loaded_when_something_of_it_is_asked_for():
    code = "from analysis_3_filter_visualise import *; import sys; loaded = lambda: 'seaborn.palettes' in sys.modules\n"
    code += "print(loaded()); print(len(sns.color_palette()), loaded()); import seaborn; print(seaborn is sns)"
    assert run_python("-c", code).stdout == "False\n10 True\nTrue\n"


@pytest.mark.parametrize("masks", [pytest.param("pictures", marks=pytest.mark.long), "packed"])
def test_a_published_cell_runs_unchanged(tmp_path, masks):
    rows = synthetic_rows(300)
    write_metadataset(tmp_path, rows)
    positive = np.random.default_rng(1).random((len(rows), 224, 224)) < 0.5
    if masks == "pictures":
        folder = tmp_path / "utkface" / "img-masks"
        folder.mkdir(parents=True)
        for row, mask in zip(rows, positive, strict=True):
            Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(folder / f"{row['fname']}.png")
    else:
        names = names_array([row["fname"] for row in rows])
        content = {"fname": names, "positive": pack_masks(positive), "negative": pack_masks(~positive)}
        write_with_provenance(tmp_path / "metadatasets", "utkface", "masks", content, {})
    result = run_python("-c", NOTEBOOK_CELL + AND_SHOW, cwd=tmp_path)
    lines = result.stdout.splitlines()
    assert lines[0] == "race,age_range,classification_type,n", result.stderr
    # The literal way to count who is in the cell.
    for line, race in zip(lines[1:], analysis_3_filter_visualise.RACES, strict=False):
        n = sum(
            row["race_real"] == race
            and row["age_real"] is not None
            and 0 <= row["age_real"] <= 12
            and (row["age_estimation_accuracy"] or 0) > 0.90
            for row in rows
        )
        assert line == f"{race},0 - 12,positive,{n}"
    assert lines[6] == "5"
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.long
def test_the_cell_runs_on_the_results_that_ship(tmp_path):
    """From a folder like the repository's root, with the link that ``make paper`` makes."""
    (tmp_path / "metadatasets").symlink_to(ROOT / "metadatasets")
    link_activations(tmp_path)
    result = run_python("-c", NOTEBOOK_CELL + "\nprint(rows[0]['n'], len(plt.get_fignums()))", cwd=tmp_path)
    shipped = json.loads((ROOT / "metadatasets" / "metadataset_utkface_activations.json").read_text())
    accurate = [row for row in shipped if row["age_estimation_accuracy"] and row["age_estimation_accuracy"] > 0.90]
    children = [row for row in accurate if row["race_real"] == "Caucasian" and 0 <= row["age_real"] <= 12]
    assert result.stdout.splitlines()[-1:] == [f"{len(children)} 1"], result.stderr
    assert "masks are missing" not in result.stderr
