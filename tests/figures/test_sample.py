"""What the figure of the sample shows, read back from its artists."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.groups import age_range_of
from age_audit.core.vocabulary import GENDERS, RACES
from age_audit.figures import style
from age_audit.figures.sample import caption_of_sample, sample_by_age


def images(races=("Asian",) * 3 + ("Other",), ages=(3, 4, 20, 40), genders=("Male", "Female", "Male", None), **more):
    frame = pd.DataFrame({"age_real": np.array(ages, dtype=float), **more})
    named = set(filter(None, races))
    frame["race_real"] = pd.Categorical(races, RACES if named <= set(RACES) else sorted(named))
    return frame.assign(gender_real=pd.Categorical(genders, GENDERS), age_range=age_range_of(ages))


BOTH = ["race_real", "gender_real"]


def bars(axes):
    """By name the heights at which bars end and begin, and the edges of their bands."""
    return {patch.get_label(): [np.array(data).tolist() for data in patch.get_data()] for patch in axes.patches}


def panel(figure, name):
    return next(axes for axes in figure.axes if axes.get_title().startswith(name))


def test_each_group_has_its_panel_and_each_gender_its_bars():
    figure = sample_by_age(images(), BOTH)
    assert [axes.get_title().split("\n") for axes in figure.axes] == [
        ["Caucasian", "0 images"],
        ["Asian", "3 images"],
        ["African", "0 images"],
        ["Indian", "0 images"],
        ["Other", "1 image"],
    ]
    asian = bars(panel(figure, "Asian"))
    tops, edges, _ = asian["Male"]
    assert edges == [0, 5, 10, 15, 20, 25, 30, 35, 40, 45] and tops == [1, 0, 0, 0, 1, 0, 0, 0, 0]
    assert asian["Female"][0] == [2, 0, 0, 0, 1, 0, 0, 0, 0] and asian["Female"][2] == tops  # on top of the others
    assert list(bars(panel(figure, "Other"))) == ["no gender label"]
    assert [text.get_text() for text in panel(figure, "Indian").texts] == ["no images"]
    colours = {patch.get_label(): patch.get_facecolor() for patch in panel(figure, "Asian").patches}
    assert colours["Male"] != colours["Female"]


def test_what_was_lost_is_on_top_and_what_was_explained_outlined():
    known = images(estimated=[True, False, True, True], explained=[False, False, True, False])
    axes = panel(sample_by_age(known, BOTH), "Asian")
    assert axes.get_title() == "Asian\n3 images, 1 lost, 1 explained"
    tops, _, floor = bars(axes)["no estimate"]
    assert np.subtract(tops, floor).tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert bars(axes)["explained"][0] == [0, 0, 0, 0, 1, 0, 0, 0, 0]


def test_nobody_explained_has_no_outline_and_no_word_of_one():
    known = images(estimated=[True, False, True, True], explained=[False] * 4)
    assert "explained" not in bars(panel(sample_by_age(known, BOTH), "Asian"))
    assert caption_of_sample(known, "mine") == (
        "Labelled images by age and group; mine. Each panel has its own vertical scale."
    )
    assert "Black outline" in caption_of_sample(known.assign(explained=True), "mine")
    ranges = known.assign(age_real=np.nan, age_real_low=20.0, age_real_high=29.0)
    assert caption_of_sample(ranges, "mine").endswith("An age that is a range is spread over its years.")


def test_the_title_says_who_is_there_and_who_is_hardly():
    races = ["Asian"] * 150 + ["Other"] * 50
    many = images(races, [5] * 75 + [30] * 75 + [5] * 21 + [30] * 29, ["Male"] * 200)
    text = title_of(sample_by_age(many, BOTH))
    assert text.startswith("75 % of 200 images are labelled Asian, 25 % Other; 6 of 8 groups of race and age range")
    even = many.assign(age_range=pd.Categorical(["0–99"] * 200))
    assert title_of(sample_by_age(even, BOTH)) == "75 % of 200 images are labelled Asian, 25 % Other"
    assert title_of(sample_by_age(many, [])) == "200 images, of ages 5 to 30"
    assert title_of(sample_by_age(many.assign(age_real=np.nan), [])) == "200 images"


def title_of(figure):
    return " ".join(figure.get_suptitle().split())


def test_without_features_there_is_one_panel():
    (axes,) = sample_by_age(images(), []).axes
    assert list(bars(axes)) == ["images"] and sum(bars(axes)["images"][0]) == 4


def test_nine_groups_and_none(tmp_path):
    races = [f"a rather long name of group {i}" for i in range(9)]
    nine = images(races, range(1, 90, 10), ["Male", "Female", None] * 3, estimated=[True] * 8 + [False])
    figure = sample_by_age(nine, BOTH)
    assert len(figure.axes) == 9
    style.save_figure(figure, tmp_path, "nine")
    swapped = sample_by_age(nine, BOTH[::-1])  # nine colours would be too many
    assert list(bars(swapped.axes[0])) == ["estimated"]
    style.save_figure(sample_by_age(nine[:0], BOTH), tmp_path, "none")
    with pytest.raises(UsageError, match="age_range"):
        sample_by_age(nine.drop(columns="age_range"), [])


def test_a_feature_that_no_image_is_labelled_with_makes_no_panels():
    figure = sample_by_age(images(genders=[None] * 4), BOTH[::-1])
    assert [axes.get_title().split("\n")[0] for axes in figure.axes] == RACES
    (axes,) = sample_by_age(images(races=[None] * 4, genders=[None] * 4), BOTH).axes
    assert axes.get_title() == "4 images"


def test_long_names_and_counts_are_broken_into_lines():
    names = [f"a name as long as some data sets give to group number {i:02}" for i in range(10)]
    known = images(names, range(10), ["Male"] * 10, estimated=[False] * 10, explained=[True] * 10)
    first = sample_by_age(known, BOTH).axes[0].get_title().split("\n")
    assert max(map(len, first)) <= 25 and " ".join(first) == f"{names[0]} 1 image, 1 lost, 1 explained"
