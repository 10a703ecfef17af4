"""Conclusions against sentences worked out by hand, and intervals against those of the literal contrasts."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.explanations.sensitivity import (
    LEAST,
    UNDECIDED,
    agreement_table,
    change_table,
    conclusion_table,
    decided_by_chance,
    rank_table,
    survival_table,
)
from age_audit.core.randomness import Resampling
from age_audit.stats.resampling import combination_interval

RESAMPLING = Resampling(seed=3, draws=400)
N = 30
NAMES = [f"{face:02d}.jpg" for face in range(N)]


def frame_of(values):
    """From choice to region to years of each face."""
    return pd.DataFrame(
        [
            {"fname": fname, "choice": choice, "region": region, "years": float(number)}
            for choice, regions in values.items()
            for region, numbers in regions.items()
            for fname, number in zip(NAMES, numbers, strict=True)
        ]
    )


@pytest.fixture(scope="module")
def years():
    rng = np.random.default_rng(4)
    first = np.arange(N) < 12
    base = {
        "nose": 2 + rng.normal(0, 0.3, N),
        "chin": -1 + rng.normal(0, 0.3, N) - first,
        "top": rng.normal(0, 0.3, N),
    }
    turned = {name: -numbers for name, numbers in base.items()}
    noisy = {"nose": rng.normal(0, 9, N), "chin": base["chin"], "top": 1 + base["top"]}
    return frame_of({"base": base, "turned": turned, "noisy": noisy})


@pytest.fixture(scope="module")
def faces():
    return pd.DataFrame({"fname": NAMES, "gender_real": gender(["Male"] * 12 + ["Female"] * 18), "race_real": "Asian"})


def gender(labels):
    return pd.Categorical(labels, ["Male", "Female"])  # in the order in which the house names them


@pytest.fixture(scope="module")
def conclusions(years, faces):
    return conclusion_table(years, faces, ["gender_real", "race_real"], "base", RESAMPLING)


def verdict(conclusions, choice, kind, region, other=""):
    """Of a group, or of two regions, the other one's name."""
    rows = conclusions.query("choice == @choice and kind == @kind and region == @region")
    rows = rows[rows["group"] + rows["other_region"] == other]
    assert len(rows) == 1
    return rows.iloc[0]


def test_directions_orders_and_groups(conclusions):
    found = [verdict(conclusions, "base", "direction", region)["verdict"] for region in ("nose", "chin", "top")]
    assert found == ["raises", "lowers", UNDECIDED]
    # chin is -2 for the 12 men, -1 for the 18 women: it counts more for men, and nothing else does
    by_group = {region: verdict(conclusions, "base", "group", region, "Male") for region in ("nose", "chin")}
    assert by_group["chin"]["verdict"] == "more" and by_group["nose"]["verdict"] == UNDECIDED
    assert by_group["chin"]["value"] == pytest.approx(1, abs=0.3) and by_group["chin"]["feature"] == "gender"
    assert verdict(conclusions, "base", "order", "nose", "chin")["verdict"] == "more"
    assert verdict(conclusions, "base", "order", "chin", "top")["verdict"] == "more"


def test_of_two_groups_one_is_asked_and_one_group_is_none(conclusions):
    asked = conclusions.query("kind == 'group'")
    assert set(zip(asked["feature"], asked["group"], strict=True)) == {("gender", "Male")}


def test_small_groups_are_left_out(years, faces):
    few = faces.assign(gender_real=gender(["Male"] * (LEAST - 1) + ["Female"] * (N - LEAST + 1)))
    assert conclusion_table(years, few, ["gender_real"], "base", RESAMPLING).query("kind == 'group'").empty


def test_of_few_faces_nothing_is_concluded(years, faces):
    few = years[years["fname"].isin(NAMES[: LEAST - 1])]
    table = conclusion_table(few, faces.head(LEAST - 1), [], "base", RESAMPLING)
    assert set(table["verdict"]) == {UNDECIDED} and table["value"].notna().all()
    assert table[["low", "high", "change_low", "change_high"]].isna().all(axis=None)
    assert decided_by_chance(few, faces.head(LEAST - 1), [], "base", RESAMPLING) == 0


def test_chance_decides_what_intervals_of_nothing_exclude(years, faces):
    """Numbers whose signs and groups are arbitrary already are decided as often as when they are drawn anew."""
    rng = np.random.default_rng(7)
    features, regions = ["gender_real"], [f"r{number}" for number in range(8)]
    drawn = [frame_of({"base": {name: rng.normal(0, 1, N) for name in regions}}) for _ in range(12)]
    decided = [
        (conclusion_table(values, faces, features, "base", RESAMPLING)["verdict"] != UNDECIDED).sum()
        for values in drawn
    ]
    expected = [decided_by_chance(values, faces, features, "base", RESAMPLING) for values in drawn]
    assert len(conclusion_table(drawn[0], faces, features, "base", RESAMPLING)) == 8 + 8 + 28
    assert 0.05 * 44 < np.mean(expected) < 0.14 * 44
    assert np.mean(decided) == pytest.approx(np.mean(expected), abs=3 * np.std(decided) / np.sqrt(12))
    strong = frame_of({"base": {name: rng.normal(5, 1, N) for name in regions}})
    assert decided_by_chance(strong, faces, features, "base", RESAMPLING) < 0.2 * 44  # what is there is done away with


def test_faces_without_a_label_are_in_no_group(years, faces):
    some = faces.assign(gender_real=gender(["Male"] * 12 + ["Female"] * 14 + [None] * 4))
    found = conclusion_table(years, some, ["gender_real"], "base", RESAMPLING)
    row = verdict(found, "base", "group", "chin", "Male")
    chin = np.abs(years.query("choice == 'base' and region == 'chin'")["years"].to_numpy())
    assert row["n"] == 26 and row["value"] == pytest.approx(chin[:12].mean() - chin[12:26].mean())
    assert set(found.query("kind == 'direction'")["n"]) == {N}


def test_intervals_are_those_of_the_contrast_itself(conclusions, years):
    """Literal: the same draws of the same faces, of one contrast and its change from the base."""
    of = {
        (choice, region): rows["years"].to_numpy()
        for (choice, region), rows in years.groupby(["choice", "region"], sort=False)
    }
    regions = ("nose", "chin", "top")
    row = verdict(conclusions, "noisy", "direction", "top")
    for column, numbers in (
        ("value", {region: of["noisy", region] for region in regions}),
        ("change", {region: of["noisy", region] - of["base", region] for region in regions}),
    ):
        sample = np.stack([numbers[region] for region in regions])
        options = RESAMPLING.for_intervals("conclusions, direction")
        found = combination_interval([sample], [1], **options)
        ends = ("value", "low", "high") if column == "value" else ("change", "change_low", "change_high")
        assert [row[end] for end in ends] == pytest.approx([found.value[2], found.low[2], found.high[2]])
    group = verdict(conclusions, "noisy", "group", "chin", "Male")
    sizes = np.abs(of["noisy", "chin"])
    assert group["value"] == pytest.approx(sizes[:12].mean() - sizes[12:].mean())


def test_nothing_changes_from_the_base_to_itself(conclusions):
    base = conclusions.query("choice == 'base'")
    assert (base[["change", "change_low", "change_high"]] == 0).all(axis=None)


def test_what_stands_turns_or_becomes_undecided(conclusions):
    survival = survival_table(conclusions, "base").set_index(["kind", "region", "other_region"])
    nose, chin, top = (survival.loc[("direction", region, "")] for region in ("nose", "chin", "top"))
    assert (nose["turned"], nose["undecided"], nose["kept"], nose["survives"]) == ("turned", "noisy", 0, False)
    assert (chin["turned"], chin["undecided"], chin["kept"]) == ("turned", "", 1)
    assert (top["verdict"], top["kept"], top["decided_otherwise"]) == (UNDECIDED, 0, "noisy")
    assert not top["survives"]
    order = survival.loc[
        ("order", "chin", "top")
    ]  # sizes: 1.4 against 0.25; turned they stay, noisy they are 1.4 and 1
    assert order["kept"] == 2 and order["survives"]


def test_counts_of_a_choice_are_those_of_its_statements(conclusions):
    changes = change_table(conclusions, "base").set_index(["choice", "kind"])
    survival = survival_table(conclusions, "base")
    for choice in ("turned", "noisy"):
        row = changes.loc[choice, "all"]
        assert row["statements"] == len(survival) == 3 + 3 + 3
        assert row["decided"] == (survival["verdict"] != UNDECIDED).sum()
        assert row["kept"] + row["turned"] + row["undecided"] == row["decided"]
        assert row["turned"] == sum(choice in names.split("; ") for names in survival["turned"])
        assert row["decided_here"] == sum(choice in names.split("; ") for names in survival["decided_otherwise"])
    assert changes.loc[("turned", "direction"), "changed"] == 2  # nose and chin; top was about 0
    assert changes.loc[("turned", "group"), "changed"] == 0  # sizes stay


def test_ranks_are_of_mean_sizes(years, faces):
    table = rank_table(years, faces, RESAMPLING).set_index(["choice", "region"])
    assert table.loc["base", "rank"].to_dict() == {"nose": 1, "chin": 2, "top": 3}
    assert table.loc["turned"].equals(table.loc["base"])
    noisy = table.loc[("noisy", "chin")]
    assert noisy["rank_low"] <= noisy["rank"] <= noisy["rank_high"] and noisy["rank_low"] >= 2
    sizes = years.query("choice == 'noisy' and region == 'chin'")["years"].abs()
    assert noisy["size"] == pytest.approx(sizes.mean())


def test_agreement_is_averaged_over_the_faces_that_have_it():
    measures = {"rank_correlation": np.linspace(0, 1, 40), "same_sign": 0.5, "settled_in_both": 0.25}
    settled = np.where(np.arange(40) < 5, 0.8, np.nan)
    frame = pd.DataFrame({"fname": [f"{i:02d}" for i in range(40)], "choice": "blur"} | measures)
    frame["same_sign_settled"] = settled
    table = agreement_table(frame, RESAMPLING).set_index("measure")
    assert table["n"].to_dict() == {"rank_correlation": 40, "same_sign": 40, "same_sign_settled": 5}
    assert table["few_faces"].to_dict() == {"rank_correlation": False, "same_sign": False, "same_sign_settled": True}
    assert table.loc["rank_correlation", "mean"] == pytest.approx(0.5)
    assert table.loc["rank_correlation", "p10"] == pytest.approx(0.1)
    assert table.loc["rank_correlation", "low"] < 0.5 < table.loc["rank_correlation", "high"]
    assert table.loc["same_sign_settled", ["mean", "low", "high"]].tolist() == pytest.approx([0.8] * 3)


def test_the_order_of_rows_changes_nothing(years, faces, conclusions):
    mixed = years.sample(frac=1, random_state=1)
    order = dict.fromkeys(years["choice"])
    mixed = pd.concat([mixed[mixed["choice"] == choice] for choice in order])
    keys = ["kind", "region", "feature", "group", "other_region", "choice"]
    again = conclusion_table(
        mixed.sort_values("region", key=lambda names: names.map({"nose": 0, "chin": 1, "top": 2}), kind="stable"),
        faces, ["gender_real", "race_real"], "base", RESAMPLING,
    )  # fmt: skip
    merged = conclusions.set_index(keys).sort_index()
    pd.testing.assert_frame_equal(merged, again.set_index(keys).sort_index())


def test_a_face_that_lacks_a_choice_is_refused(years, faces):
    lacking = years[~((years["choice"] == "noisy") & (years["fname"] == NAMES[3]))]
    with pytest.raises(ValueError, match="noisy lacks some"):
        conclusion_table(lacking, faces, [], "base", RESAMPLING)
