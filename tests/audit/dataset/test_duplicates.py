"""Copies that were made of real portraits are found; tables by hand; planted noise of labels comes out."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from age_audit.audit.dataset import duplicates
from age_audit.audit.dataset.duplicates import (
    LIKENESS,
    chained,
    clusters_of_copies,
    duplicates_by_class,
    label_disagreement,
    pairs_of_copies,
)
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling
from age_audit.faces.fingerprints import SIDE, fingerprint, likeness

FEW = Resampling(seed=1, draws=199)


def columns_of(pictures):
    prints = [fingerprint(np.ascontiguousarray(picture)) for picture in pictures]
    columns = {name: [getattr(one, name) for one in prints] for name in ("pixels", "dhash", "phash")}
    return columns | {"details": np.stack([one.details for one in prints])}


def made(count, rng, near=2):
    """Fingerprints of random pictures; the first 9 are copies of the next 9, the first 3 of them to the pixel."""
    dhash, phash = rng.integers(0, 2**64, (2, count), dtype=np.uint64)
    details = rng.integers(-120, 121, (count, SIDE, SIDE)).astype(np.int8)
    pixels = np.arange(count)
    dhash[:9], phash[:9], details[:9] = dhash[9:18] ^ np.uint64(2**near - 1), phash[9:18], details[9:18]
    pixels[:3] = pixels[9:12]
    return {"pixels": pixels, "dhash": dhash, "phash": phash, "details": details}


def literal(pixels, dhash, phash, details):
    """Each with each."""
    count = len(pixels)
    cluster = list(range(count))
    for i in range(count):
        for j in range(i):
            apart = [(int(of[i]) ^ int(of[j])).bit_count() for of in (dhash, phash)]
            alike = likeness(details, np.array([[i, j]]))[0] >= LIKENESS
            if pixels[i] == pixels[j] or (min(apart) <= 4 and alike):
                cluster = [cluster[j] if one == cluster[i] else one for one in cluster]
    return pd.factorize(np.array(cluster))[0].tolist()


class TestClusters:
    def test_copies_of_portraits(self, astronaut, hopper):
        grey = np.repeat(np.asarray(Image.fromarray(hopper).convert("L"))[..., None], 3, axis=2)
        half = np.asarray(Image.fromarray(astronaut).resize((200, 200)))
        pictures = [astronaut, hopper, astronaut, grey, half, astronaut[:, ::-1], hopper[:400, 100:400]]
        assert clusters_of_copies(**columns_of(pictures)).tolist() == [0, 1, 0, 1, 0, 2, 3]

    @pytest.mark.parametrize("near", [0, 4, 5])
    def test_as_each_with_each(self, near):
        prints = made(60, np.random.default_rng(1), near)
        prints["phash"] = prints["phash"] ^ np.arange(60, dtype=np.uint64) * np.uint64(0x0F0F0F0F0F0F0F)
        found = clusters_of_copies(**prints).tolist()
        assert found == literal(**prints)
        assert len(set(found)) == (57 if near > 4 else 51)

    def test_either_hash_is_enough_and_neither_without_likeness(self):
        prints = made(40, np.random.default_rng(1))
        far = np.arange(40, dtype=np.uint64) * np.uint64(0x0F0F0F0F0F0F0F)
        other = np.random.default_rng(2).integers(-120, 121, (40, SIDE, SIDE)).astype(np.int8)
        assert len(set(clusters_of_copies(**prints | {"dhash": far}))) == 31
        assert len(set(clusters_of_copies(**prints | {"dhash": far, "phash": far}))) == 37
        assert len(set(clusters_of_copies(**prints | {"details": other}))) == 37

    def test_equal_hashes_are_compared_with_the_first_and_strangers_among_themselves(self, monkeypatch):
        rng = np.random.default_rng(1)
        kinds = rng.integers(-120, 121, (3, SIDE, SIDE)).astype(np.int8)
        which = np.array([0, 1, 0, 2, 1, 0, 1] + [0] * 500)
        compared = []
        monkeypatch.setattr(
            duplicates, "likeness", lambda details, pairs: compared.append(len(pairs)) or likeness(details, pairs)
        )
        zeros = np.zeros(507, dtype=np.uint64)
        found = clusters_of_copies(np.arange(507), zeros, zeros, kinds[which])
        assert found.tolist() == which.tolist()
        assert compared == [506, 10, 10]  # then the first and the four that are unlike it, by either hash

    def test_no_pictures(self):
        assert clusters_of_copies([], [], [], np.empty((0, SIDE, SIDE), dtype=np.int8)).tolist() == []


def test_chains_say_how_unlike_their_ends_are():
    angles = np.radians([0, 30, 60, 0, 5, 10, 0, 80])
    details = np.zeros((8, SIDE, SIDE))
    details[:, 0, 0], details[:, 0, 1] = np.cos(angles) * 120, np.sin(angles) * 120
    table = chained([7, 7, 7, 5, 5, 5, 2, 2], np.rint(details).astype(np.int8))
    assert table.columns.tolist() == ["cluster", "pictures", "pairs", "pairs_below", "smallest_likeness"]
    assert table.iloc[:, :4].to_numpy().tolist() == [[7, 3, 3, 1], [5, 3, 3, 0]]
    np.testing.assert_allclose(table["smallest_likeness"], [0.5, np.cos(np.radians(10))], atol=0.01)
    big = chained(np.zeros(101, dtype=int), np.repeat(details[:1], 101, axis=0).astype(np.int8))
    assert big[["pictures", "pairs"]].to_numpy().tolist() == [[101, 100]]
    assert len(chained([0, 1, 1], details[:3].astype(np.int8))) == 0


FRAME = pd.DataFrame(
    {
        "cluster": [0, 0, 0, 1, 2, 2, 3, 4, 4],
        "pixels": list("aabcdefgg"),
        "age_real": [30, 30, 34, 9, 50, 57, 1, 20, np.nan],
        "gender_real": ["Male", "Male", "Female", "Male", "Male", "Male", None, "Female", "Female"],
        "race_real": ["Asian", "Asian", "Asian", "Asian", "Other", "Asian", "Asian", "Asian", "Asian"],
    }
)


def test_table_of_classes_by_hand():
    table = duplicates_by_class(FRAME, resampling=FEW)
    table = table[["feature", "class", "duplicates", "total", "exact", "surplus", "few_faces"]]
    assert table.to_numpy().tolist() == [
        ["all", "all", 7, 9, 4, 4, True],
        ["gender", "Female", 3, 3, 2, 1, True],
        ["gender", "Male", 4, 5, 2, 2, True],
        ["race", "Asian", 6, 8, 4, 3, True],
        ["race", "Other", 1, 1, 0, 0, True],
    ]


def test_intervals_of_proportions_draw_clusters():
    rng = np.random.default_rng(1)
    many = pd.DataFrame({"cluster": np.r_[np.repeat(np.arange(50), 4), np.arange(50, 350)], "pixels": range(500)})
    row = duplicates_by_class(many.sample(frac=1, random_state=rng), [], resampling=Resampling(1)).iloc[0]
    assert row["proportion"] == 0.4
    # A ratio of means over 350 clusters: its standard error is that of duplicates - 0.4 * size, over the mean size.
    residuals = np.r_[np.full(50, 4 - 0.4 * 4), np.full(300, -0.4)]
    half = 1.96 * residuals.std() / np.sqrt(350) / (500 / 350)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(half, rel=0.1)
    assert half > 1.5 * 1.96 * np.sqrt(0.4 * 0.6 / 500)


def test_pairs_by_hand():
    found = pairs_of_copies(FRAME)
    assert found.to_numpy().tolist() == [
        *([0, 1, 0, True], [0, 2, 0, False], [1, 2, 0, False]),
        *([4, 5, 2, False], [7, 8, 4, True]),
    ]


def test_what_is_there_too_often_stands_for_no_picture():
    frame = pd.DataFrame({"cluster": [0] * 101 + [1] * 100, "pixels": "a"})
    assert pairs_of_copies(frame)["cluster"].unique().tolist() == [1]
    assert len(pairs_of_copies(frame.iloc[:0])) == 0


def value(table, **levels):
    row = table[np.logical_and.reduce([table[name] == level for name, level in levels.items()])]
    assert len(row) == 1
    return row.iloc[0]


def test_disagreement_by_hand():
    table = label_disagreement(FRAME, resampling=FEW)
    every = {"copies": "all", "age_range": "all"}
    age = {"label": "age"} | every
    assert value(table, measure="share_differing", **age)[["pairs", "clusters", "value"]].tolist() == [4, 2, 0.75]
    assert value(table, measure="mean_difference", **age)["value"] == (0 + 4 + 4 + 7) / 4
    assert value(table, measure="largest_difference", **age)["value"] == 7
    assert value(table, measure="label_sd", **age)["value"] == pytest.approx(np.sqrt((16 + 16 + 49) / 4 / 2))
    assert value(table, measure="label_sd_normal", **age)["value"] == pytest.approx(3.75 * np.sqrt(np.pi) / 2)
    # The second of four pairs: half the way through those of 4 years is 4.0; one pair is below 3.5, three below 4.5.
    assert value(table, measure="label_sd_robust", **age)["value"] == pytest.approx(4.0 / 0.95387, rel=1e-4)
    assert np.isnan(value(table, measure="mean_difference", **age)["low"])  # of two clusters
    assert value(table, label="gender", **every)[["pairs", "value"]].tolist() == [5, 0.4]
    assert value(table, label="race", **every)[["pairs", "value"]].tolist() == [5, 0.2]
    exact = value(table, copies="exact", label="race", age_range="all")
    assert exact[["pairs", "value", "low"]].tolist() == [2, 0, 0] and 0.5 < exact["high"] < 1
    middle = value(table, copies="near", label="age", age_range="26–100", measure="mean_difference")
    assert middle[["pairs", "value"]].tolist() == [3, 5]


def test_no_copies_no_numbers():
    table = label_disagreement(FRAME.assign(cluster=range(9)), resampling=FEW)
    assert (table["pairs"] == 0).all() and table[["value", "low", "high"]].isna().all(axis=None)
    assert len(table) == 3 * (6 + 2)


@pytest.fixture(scope="module")
def noisy():
    """500 pictures twice: normal noise of 4 years in each label, in whole years, and 8 % of genders wrong."""
    rng = np.random.default_rng(7)
    age, gender = np.repeat(rng.integers(30, 70, 500), 2), np.repeat(rng.integers(0, 2, 500), 2)
    frame = pd.DataFrame({"cluster": np.repeat(np.arange(500), 2), "pixels": np.arange(1000)})
    frame["age_real"] = np.rint(age + rng.normal(0, 4, 1000))
    frame["gender_real"] = np.where(rng.random(1000) < 0.08, 1 - gender, gender)
    return frame


@pytest.mark.parametrize("measure", ["label_sd", "label_sd_normal", "label_sd_robust"])
def test_planted_noise_comes_out(noisy, measure):
    row = value(
        label_disagreement(noisy, ["gender_real"], resampling=Resampling(1)),
        **{"copies": "near", "label": "age", "age_range": "all", "measure": measure},
    )
    assert row["low"] < 4 < row["high"] and row["high"] - row["low"] < 1
    assert row["low"] < row["value"] < row["high"]


def test_planted_wrong_labels_come_out(noisy):
    row = value(label_disagreement(noisy, ["gender_real"], resampling=FEW), copies="all", label="gender")
    assert row["low"] < 2 * 0.08 * 0.92 < row["high"]


def test_gross_errors_move_the_robust_measure_least(noisy):
    spoilt = noisy.copy()
    spoilt.loc[spoilt.index % 40 == 0, "age_real"] += 60  # one pair in twenty
    before, after = (
        label_disagreement(frame, [], resampling=FEW).query("copies == 'all' and age_range == 'all'")
        for frame in (noisy, spoilt)
    )
    grown = (after.set_index("measure")["value"] / before.set_index("measure")["value"]).to_dict()
    assert grown["label_sd_robust"] < 1.1 < 1.4 < grown["label_sd_normal"] < 2 < grown["label_sd"]


def test_tables_are_the_same_again(noisy):
    tables = [label_disagreement(noisy, ["gender_real"], resampling=FEW) for _ in range(2)]
    pd.testing.assert_frame_equal(*tables)


@pytest.mark.parametrize("column", ["cluster", "pixels", "age_real", "race_real"])
def test_missing_columns_are_named(column):
    with pytest.raises(UsageError, match=column):
        label_disagreement(FRAME.drop(columns=column), resampling=FEW)


def test_blank_pictures_are_copies_to_the_pixel_alone(astronaut):
    blank = [np.full((side, 50, 3), colour, dtype=np.uint8) for side, colour in [(50, 0), (50, 255), (60, 0), (50, 0)]]
    assert clusters_of_copies(**columns_of([*blank, astronaut, astronaut // 2])).tolist() == [0, 1, 2, 0, 3, 3]


def test_pictures_without_a_cluster_are_no_copies_and_not_counted():
    frame = pd.DataFrame({"cluster": [None, 0, None, 0, 1], "pixels": [None, *"aNab"], "gender_real": list("MMFMF")})
    frame = frame.assign(age_real=[1.0, 30, 90, 32, 5]).astype({"cluster": "Int64"})
    frame.loc[2, "pixels"] = None
    for tables in (
        lambda of: duplicates_by_class(of, ["gender_real"], resampling=FEW),
        lambda of: label_disagreement(of, ["gender_real"], resampling=FEW),
    ):
        pd.testing.assert_frame_equal(tables(frame), tables(frame.dropna(subset="cluster").astype({"cluster": int})))
    assert duplicates_by_class(frame, [], resampling=FEW).loc[0, ["duplicates", "total", "surplus"]].tolist() == [
        2,
        3,
        1,
    ]
    assert pairs_of_copies(frame)[["first", "second", "cluster"]].to_numpy().tolist() == [[1, 3, 0]]


def test_pictures_as_alike_as_asked_for_are_copies():
    details = np.zeros((2, SIDE, SIDE), dtype=np.int8)
    details[0, 0, :2], details[1, 0, :2] = (3, 4), (4, 3)
    exactly = likeness(details, np.array([[0, 1]]))[0]
    assert exactly == pytest.approx(24 / 25)
    for least, count in ((exactly, 1), (np.nextafter(exactly, 1), 2)):
        assert len(set(clusters_of_copies(["a", "b"], [0, 0], [0, 0], details, least=least))) == count


def test_labels_that_all_agree_are_within_half_a_year():
    frame = pd.DataFrame({"cluster": np.arange(20) // 2, "pixels": list("abcdefghijklmnopqrst"), "age_real": 30.0})
    found = label_disagreement(frame, [], resampling=FEW)
    robust = found[(found["measure"] == "label_sd_robust") & (found["age_range"] == "all") & (found["copies"] == "all")]
    assert robust["value"].tolist() == pytest.approx([0.25 / 0.9538725524])  # the middle of 0 to 0.5
