"""What figures of a data set show, read back from their artists."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from age_audit.audit.dataset.composition import cells
from age_audit.audit.dataset.heaping import heaping
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling, stream
from age_audit.core.vocabulary import GENDERS
from age_audit.figures import dataset as d
from age_audit.figures import style

R = Resampling(seed=1, draws=50)


def images(n=400, **more):
    rng = stream(1, "images")
    frame = pd.DataFrame({"age_real": np.append(rng.integers(0, 90, n - 1).astype(float), np.nan)})
    frame["gender_real"] = pd.Categorical(rng.choice(GENDERS, n), GENDERS)
    frame["race_real"] = pd.Categorical(rng.choice(["Asian", "Other"], n), ["Asian", "Other"])
    return frame.assign(luminance=rng.normal(100, 20, n), brisque=rng.normal(30, 5, n), width=200, **more)


def heaps_of(frame, features=("gender_real",)):
    return heaping(frame, list(features), resampling=R)


def title_of(figure):
    return " ".join(figure.get_suptitle().split())


def test_a_pyramid_counts_each_year_and_marks_round_ones(tmp_path):
    frame = images()
    figure = d.age_pyramid(frame, heaps_of(frame))
    men, women = figure.axes
    assert men.xaxis_inverted() and not women.xaxis_inverted() and men.get_xlim()[0] == women.get_xlim()[1]
    bars = {round(bar.get_y() + 0.45): bar for bar in men.patches}
    counted = frame[(frame["gender_real"] == "Male") & (frame["age_real"] == 30)]
    assert bars[30].get_width() == len(counted)
    assert bars[30].get_alpha() == 1 and bars[31].get_alpha() < 0.5
    n = (frame["gender_real"].eq("Male") & frame["age_real"].notna()).sum()
    assert men.get_title() == f"Male (n = {n})"
    course = men.lines[0].get_xydata()
    window = frame[frame["gender_real"] == "Male"]["age_real"]
    slow = sum((window == 40 + step).sum() * (0.5 if abs(step) == 5 else 1) for step in range(-5, 6)) / 10
    assert dict(zip(course[:, 1], course[:, 0], strict=True))[40] == pytest.approx(slow)
    assert style.overlapping_texts(figure) == []
    style.save_figure(figure, tmp_path, "pyramid")


def test_the_title_names_where_round_ages_stand_out_most():
    row = {"measure": "whipple", "ages": "23–62", "n": 90, "value": 101.0, "low": 95.0, "high": 108.0}
    old = row | {"measure": "whipple_old", "ages": "63–92", "value": 220.0, "low": 200.0, "high": 240.0}
    told = d.heaping_finding(pd.DataFrame([row, old]))
    assert told == "Ages that end in 0 or 5 are labelled 2.20 times as often as expected at 63–92 years (2.00 to 2.40)"
    assert d.heaping_finding(pd.DataFrame([old | {"n": 0}])).startswith("No image")


def test_other_groups_than_two_and_none(tmp_path):
    frame = images()
    one = d.age_pyramid(frame.assign(gender_real=None), heaps_of(frame, []))
    assert [axes.get_title() for axes in one.axes] == ["all images (n = 399)"]
    frame["tone"] = [f"a rather long name of tone {i % 5}" for i in range(len(frame))]
    five = d.age_pyramid(frame, heaps_of(frame, ["tone"]), "tone")
    assert len(five.axes) == 5 and style.overlapping_texts(five) == []
    nobody = images().assign(age_real=np.nan)
    figure = d.age_pyramid(nobody, heaps_of(nobody))
    assert title_of(figure).startswith("No image is labelled")
    style.save_figure(figure, tmp_path, "nobody")
    with pytest.raises(UsageError, match="tint"):
        d.age_pyramid(frame, heaps_of(frame), "tint")


def test_the_caption_tells_all_indices_and_who_is_missing():
    frame = images()
    caption = d.caption_of_pyramid(frame, heaps_of(frame), "made up")
    assert caption.count("times as often") == 3 and "Myers' index is" in caption
    assert caption.endswith("1 of 400 has no label of these.")


def test_densities_of_measures_that_vary(tmp_path):
    frame = images()
    frame.loc[frame["race_real"] == "Asian", "brisque"] += 10
    figure = d.measure_densities(frame, ["luminance", "brisque", "width"], "race_real")
    assert [axes.get_xlabel() for axes in figure.axes] == ["luminance (0–255)", "BRISQUE (high: bad)"]
    for axes in figure.axes:
        for line in axes.lines:
            assert np.trapezoid(line.get_ydata(), line.get_xdata()) == pytest.approx(0.98, abs=0.03)
    assert title_of(figure).startswith("Groups differ most in BRISQUE: it is higher in 9")
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == [f"{name} (n = {(frame['race_real'] == name).sum()})" for name in ("Asian", "Other")]
    assert style.overlapping_texts(figure) == []
    style.save_figure(figure, tmp_path, "densities")


def test_few_images_have_a_thin_curve_and_fewer_none(tmp_path):
    frame = images(60)
    frame["race_real"] = ["a"] * 35 + ["b"] * 20 + ["c"] * 5
    figure = d.measure_densities(frame, ["luminance"], "race_real")
    assert [line.get_linewidth() == style.THIN_LINE for line in figure.axes[0].lines] == [False, True]
    assert "thin: fewer than 30 images" in [text.get_text() for text in figure.legends[0].get_texts()]
    empty = d.measure_densities(frame.assign(luminance=np.nan), ["luminance"], "race_real")
    assert title_of(empty) == "Too few images to compare groups"
    style.save_figure(empty, tmp_path, "empty")


def table_of_cells(**options):
    frame = pd.DataFrame({"age_real": [5] * 100 + [30] * 40 + [60] * 3})
    frame["race_real"] = pd.Categorical(["Asian"] * 143, ["Asian", "Other"])
    return cells(frame.assign(gender_real="Male"), ranges=[(0, 12), (13, 50), (51, 99)], spread=4, **options)


def test_cells_are_coloured_if_enough_and_hatched_if_few(tmp_path):
    table = table_of_cells()
    figure = d.thin_cells(table, 1.0)
    (axes,) = figure.axes
    faces = [patch for patch in axes.patches if isinstance(patch, Rectangle) and not patch.get_hatch()]
    coloured = {patch.get_xy() for patch in faces if to_hex(patch.get_facecolor()).upper() == d._ENOUGH}
    assert coloured == {(-0.5, -0.5)}
    assert len([patch for patch in axes.patches if patch.get_hatch()]) == table["few_faces"].sum() == 4
    assert [text.get_text() for text in axes.texts] == ["100 (± 0.8)", "0", "40 (± 1.3)", "0", "3 (± 10.0)", "0"]
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        f"{ages} years, Male (needs 64)" for ages in ("0–12", "13–50", "51–99")
    ]
    assert title_of(figure).startswith("5 of 6 cells have too few images")
    assert style.overlapping_texts(figure) == []
    long = table.assign(race_real=table["race_real"] + ", a name as long as some data sets give to a group")
    assert style.overlapping_texts(d.thin_cells(long, 1.0)) == []
    style.save_figure(figure, tmp_path, "cells")


def test_one_feature_and_none(tmp_path):
    figure = d.thin_cells(table_of_cells(features=["race_real"]), 1.0)
    assert figure.axes[0].get_yticklabels()[0].get_text() == "0–12 years (needs 64)"
    figure = d.thin_cells(table_of_cells(features=[]), 1.0)
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["all images"]
    style.save_figure(figure, tmp_path, "ages")


def test_the_caption_says_where_the_spread_is_from():
    assert "Assumed SD of absolute errors: 4 years" in d.caption_of_cells(table_of_cells(), 1.0)
    measured = table_of_cells().assign(assumed=False, standard_deviation=[4, 4, 5, 5, 6, 6])
    assert "SD of absolute errors, by age range: 4.0 to 6.0 years" in d.caption_of_cells(measured, 1.0)
