"""What a choice made otherwise changes: how alike the explanations stay, and which conclusions from them stand.

A conclusion is a sentence about all faces whose interval excludes 0, of three kinds:

- ``direction``: hiding what it shows, a region raises, or lowers, the estimate on average (mean of its years);
- ``group``: a region counts more, or less, for the faces of a group than for all others (difference of the mean sizes,
  years without their sign);
- ``order``: of two regions one counts more than the other (mean difference of sizes, face by face).

Each is drawn from the explanations of the base choice, and anew under every other one: it stands, turns round, or
becomes undecided. Sentences near the edge of what can be decided come and go with any change; so each also has the
change of its number, over the same faces, with an interval of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from age_audit.core.groups import feature_title, levels, require_columns
from age_audit.core.randomness import Resampling, stream
from age_audit.core.vocabulary import FEW_FACES
from age_audit.stats.resampling import Estimates, combination_interval, means_of_draws

MEASURES = ("rank_correlation", "same_sign", "same_sign_settled")
LEAST = 10  # faces that a conclusion is drawn about: a bootstrap of fewer gives intervals that are far too short
CHANCE_DRAWS = 20
STATEMENT = ["kind", "region", "feature", "group", "other_region"]  # columns that tell statements apart
UNDECIDED = "undecided"
_WORDS = {"direction": ("raises", "lowers"), "group": ("more", "less"), "order": ("more", "less")}


def agreement_table(agreements: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """How alike the explanations of a face stay, over faces.

    Parameters
    ----------
    agreements : DataFrame
        One row a face and choice: ``fname``, ``choice``, and three measures, NaN where a face has none:
        ``rank_correlation`` (-1 to 1), ``same_sign`` and ``same_sign_settled`` (0 to 1); ``settled_in_both`` (0 to 1).
    resampling : Resampling

    Returns
    -------
    DataFrame
        One row a choice, in their order, and measure: ``choice``, ``measure``, ``n`` (faces that have it), ``mean``,
        ``low``, ``high``, ``p10`` and ``p90`` (of faces), ``few_faces``, and of all faces the mean of
        ``settled_in_both``. NaN without faces.

    Examples
    --------
    >>> agreements = pd.DataFrame({"fname": list("abcd"), "choice": "black", "rank_correlation": [0.2, 0.4, 0.6, 0.4],
    ...                            "same_sign": 0.5, "same_sign_settled": np.nan, "settled_in_both": 0.0})
    >>> table = agreement_table(agreements, Resampling(seed=1))
    >>> table[["measure", "n", "mean", "p10"]].round(2)
                 measure  n  mean   p10
    0   rank_correlation  4   0.4  0.26
    1          same_sign  4   0.5  0.50
    2  same_sign_settled  0   NaN   NaN
    """
    require_columns(agreements, ("fname", "choice", *MEASURES, "settled_in_both"))
    rows = []
    for choice, faces in agreements.groupby("choice", sort=False):
        for measure in MEASURES:
            values = faces.sort_values("fname")[measure].dropna().to_numpy()
            found = combination_interval([values[None]], [1], **resampling.for_intervals(f"agreement, {measure}"))
            p10, p90 = np.quantile(values, [0.1, 0.9]) if len(values) else (np.nan, np.nan)
            ends = {"mean": found.value[0], "low": found.low[0], "high": found.high[0], "p10": p10, "p90": p90}
            rows.append({"choice": choice, "measure": measure, "n": len(values)} | ends)
            rows[-1] |= {"few_faces": len(values) < FEW_FACES, "settled_in_both": faces["settled_in_both"].mean()}
    return pd.DataFrame(rows)


def conclusion_table(
    years: pd.DataFrame, faces: pd.DataFrame, features: Sequence[str], base: str, resampling: Resampling
) -> pd.DataFrame:
    """What is concluded from explanations, under each choice.

    Parameters
    ----------
    years : DataFrame
        One row a face, choice and region: ``fname``, ``choice``, ``region``, ``years``, finite; for the same faces
        under every choice.
    faces : DataFrame
        One row a face: ``fname`` and the features.
    features : sequence of str
        Columns of groups, sensitive features and perhaps ``age_range``. Of a feature with two groups the first is
        compared with the second, of others each with all other faces; groups with fewer than 10 faces, or all but
        10, are left out.
    base : str
        The choice that others are compared with.
    resampling : Resampling
        The same faces are drawn for every choice.

    Returns
    -------
    DataFrame
        One row a statement and choice: ``kind``, ``region``, and "" where the kind has none ``feature``, ``group`` and
        ``other_region``; ``choice``; ``n``, ``value``, ``low``, ``high`` in years; ``verdict``: ``raises`` or
        ``lowers``, ``more`` or ``less``, ``undecided``, as with fewer than 10 faces; ``change``, ``change_low``,
        ``change_high``: the value less that of the base choice, over the same faces.

    Raises
    ------
    ValueError
        If some face lacks a region under some choice.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> rows = [{"fname": f"{face}.jpg", "choice": choice, "region": region, "years": rng.normal(mean, 0.1)}
    ...         for face in range(20) for choice, size in (("audit", 1), ("black", 3))
    ...         for region, mean in (("nose", size), ("chin", -0.5))]
    >>> faces = pd.DataFrame({"fname": [f"{face}.jpg" for face in range(20)]})
    >>> table = conclusion_table(pd.DataFrame(rows), faces, [], "audit", Resampling(seed=1))
    >>> table[["kind", "region", "other_region", "choice", "verdict"]]
            kind region other_region choice verdict
    0  direction   nose               audit  raises
    1  direction   chin               audit  lowers
    2      order   nose         chin  audit    more
    3  direction   nose               black  raises
    4  direction   chin               black  lowers
    5      order   nose         chin  black    more
    >>> (table["change"].round(1) + 0.0).tolist()
    [0.0, 0.0, 0.0, 2.0, 0.0, 2.0]
    """
    regions, of_choice = _by_choice(years, faces)
    groups = list(_groups(faces, features))
    tables = [
        _concluded(regions, values, of_choice[base], groups, resampling).assign(choice=choice)
        for choice, values in of_choice.items()
    ]
    first = [*STATEMENT, "choice", "n", "value", "low", "high", "verdict"]
    return pd.concat(tables, ignore_index=True)[[*first, "change", "change_low", "change_high"]]


def _by_choice(years: pd.DataFrame, faces: pd.DataFrame) -> tuple[list[str], dict[str, np.ndarray]]:
    """Regions in their order, and by choice the years of each face, (R, n), in the order of ``faces``."""
    require_columns(years, ("fname", "choice", "region", "years"))
    regions = list(dict.fromkeys(years["region"]))
    of_choice = {}
    for choice, rows in years.groupby("choice", sort=False):
        wide = rows.pivot_table(index="region", columns="fname", values="years", sort=False)
        of_choice[choice] = wide.reindex(index=regions, columns=faces["fname"]).to_numpy()
        if not np.isfinite(of_choice[choice]).all():
            raise ValueError(f"expected years of every region of every face under every choice, {choice} lacks some")
    return regions, of_choice


def _groups(faces: pd.DataFrame, features: Sequence[str]) -> Iterator[tuple[str, str, np.ndarray]]:
    """Feature, group and its faces; of two groups the first only, for the second says the same."""
    for feature in features:
        names = levels(faces[feature])
        there = [name for name in names if (faces[feature] == name).any()]
        labelled = faces[feature].notna().to_numpy()
        for name in there[:1] if len(there) == 2 else there:
            inside = (faces[feature] == name).to_numpy(dtype=bool)
            if min(inside.sum(), (labelled & ~inside).sum()) >= LEAST:
                yield feature_title(feature), str(name), np.where(labelled, inside, -1)


def _concluded(
    regions: list[str],
    values: np.ndarray,
    base: np.ndarray,
    groups: Sequence[tuple[str, str, np.ndarray]],
    resampling: Resampling,
) -> pd.DataFrame:
    """Every statement under one choice."""
    rows = []
    for (kind, names, samples), (_, _, before) in zip(
        _samples(regions, values, groups), _samples(regions, base, groups), strict=True
    ):
        changes = [now - then for now, then in zip(samples, before, strict=True)]
        rows.append(_rows(kind, names, samples, changes, resampling))
    return pd.concat(rows, ignore_index=True)


def _samples(
    regions: list[str], values: np.ndarray, groups: Sequence[tuple[str, str, np.ndarray]]
) -> Iterator[tuple[str, tuple, list[np.ndarray]]]:
    """Kind, names and numbers of the statements: of one sample its mean is asked, of two the difference of theirs."""
    yield "direction", (regions, "", "", ""), [values]
    sizes = np.abs(values)
    for feature, group, inside in groups:
        yield "group", (regions, feature, group, ""), [sizes[:, inside == side] for side in (1, 0)]
    if len(regions) > 1:
        one, other = np.array(list(combinations(range(len(regions)), 2))).T
        names = [regions[i] for i in one], "", "", [regions[i] for i in other]
        yield "order", names, [sizes[one] - sizes[other]]


def decided_by_chance(
    years: pd.DataFrame, faces: pd.DataFrame, features: Sequence[str], base: str, resampling: Resampling
) -> float:
    """How many statements would be decided where there is nothing to find, in the mean of 20 draws.

    More than the one in twenty that 95 % intervals promise: a bootstrap of few faces is too short. What is found is
    done away with: of means the sign of each face is drawn, of two groups who is in which.

    Parameters
    ----------
    years, faces, features, base, resampling
        As :func:`conclusion_table`; of the choice ``base`` alone.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> rows = [{"fname": f"{face}.jpg", "choice": "audit", "region": region, "years": rng.normal(3)}
    ...         for face in range(40) for region in ("nose", "chin", "left", "right")]
    >>> faces = pd.DataFrame({"fname": [f"{face}.jpg" for face in range(40)]})
    >>> decided_by_chance(pd.DataFrame(rows), faces, [], "audit", Resampling(seed=1)) < 1.5  # of 10 statements
    True
    """
    regions, of_choice = _by_choice(years, faces)
    rng = stream(resampling.seed, "decided by chance")
    decided = 0
    for kind, _, samples in _samples(regions, of_choice[base], list(_groups(faces, features))):
        both = np.concatenate(samples, axis=1)
        for _ in range(CHANCE_DRAWS):
            if len(samples) == 1:
                drawn = [both * rng.choice((-1.0, 1.0), both.shape[1])]
            else:
                drawn = np.split(rng.permutation(both, axis=1), [samples[0].shape[1]], axis=1)
            decided += int((_verdicts(kind, _interval(kind, drawn, resampling)) != UNDECIDED).sum())
    return decided / CHANCE_DRAWS


def _interval(kind: str, samples: Sequence[np.ndarray], resampling: Resampling) -> Estimates:
    """Of so few faces that a bootstrap says nothing, a value alone."""
    found = combination_interval(samples, [1, -1][: len(samples)], **resampling.for_intervals(f"conclusions, {kind}"))
    if min(sample.shape[1] for sample in samples) >= LEAST:
        return found
    return replace(found, low=np.full_like(found.value, np.nan), high=np.full_like(found.value, np.nan))


def _rows(kind: str, names, samples, changes, resampling: Resampling) -> pd.DataFrame:
    found, changed = (_interval(kind, of, resampling) for of in (samples, changes))
    columns = dict(zip(STATEMENT[1:], names, strict=True))
    n = sum(sample.shape[1] for sample in samples)
    return pd.DataFrame(
        {"kind": kind} | columns | {"n": n, "value": found.value, "low": found.low, "high": found.high}
        | {"verdict": _verdicts(kind, found)}
        | {"change": changed.value, "change_low": changed.low, "change_high": changed.high}
    )  # fmt: skip


def _verdicts(kind: str, found: Estimates) -> np.ndarray:
    above, below = _WORDS[kind]
    return np.where(found.low > 0, above, np.where(found.high < 0, below, UNDECIDED))


def survival_table(conclusions: pd.DataFrame, base: str) -> pd.DataFrame:
    """Which statements stand whatever is chosen.

    Parameters
    ----------
    conclusions : DataFrame
        From :func:`conclusion_table`.
    base : str

    Returns
    -------
    DataFrame
        One row a statement: its columns, ``n``, ``value``, ``low``, ``high`` and ``verdict`` under the base choice;
        ``kept``: under how many other choices it is the same; ``turned`` and ``undecided``: the names of those under
        which it turns round, or is undecided; ``decided_otherwise``: of a statement undecided at the base those that
        decide it; ``survives``: decided, and the same under every choice.

    Examples
    --------
    >>> names = {"kind": "direction", "region": "nose", "feature": "", "group": "", "other_region": ""}
    >>> numbers = {"n": 40, "value": 1.0, "low": 0.5, "high": 1.5}
    >>> verdicts = {"audit": "raises", "black": "lowers", "blur": "undecided", "grid": "raises"}
    >>> conclusions = pd.DataFrame([names | numbers | {"choice": c, "verdict": v} for c, v in verdicts.items()])
    >>> survival_table(conclusions, "audit")[["region", "verdict", "kept", "turned", "undecided", "survives"]]
      region verdict  kept turned undecided  survives
    0   nose  raises     1  black      blur     False
    """
    rows = []
    for statement, of_choices in conclusions.groupby(STATEMENT, sort=False):
        at_base = of_choices[of_choices["choice"] == base].iloc[0]
        others = of_choices[of_choices["choice"] != base]
        decided = at_base["verdict"] != UNDECIDED
        same, open_ = others["verdict"] == at_base["verdict"], others["verdict"] == UNDECIDED
        named = {
            "turned": ~same & ~open_ & decided,
            "undecided": open_ & decided,
            "decided_otherwise": ~open_ & (not decided),
        }
        rows.append(dict(zip(STATEMENT, statement, strict=True)))
        rows[-1] |= {name: at_base[name] for name in ("n", "value", "low", "high", "verdict")}
        rows[-1] |= {"kept": int(same.sum()) if decided else 0}
        rows[-1] |= {name: "; ".join(others.loc[which, "choice"]) for name, which in named.items()}
        rows[-1] |= {"survives": bool(decided and same.all())}
    return pd.DataFrame(rows)


def change_table(conclusions: pd.DataFrame, base: str) -> pd.DataFrame:
    """What each choice does to the conclusions, by kind and in all.

    Parameters
    ----------
    conclusions : DataFrame
        From :func:`conclusion_table`.
    base : str

    Returns
    -------
    DataFrame
        One row a choice and kind, and ``all``: ``statements``; ``decided`` at the base, of which ``kept``, ``turned``
        and ``undecided``; ``decided_here`` of those that were undecided at the base; ``changed``: of all statements
        those whose number changes by an interval that excludes 0.

    Examples
    --------
    >>> names = {"kind": "direction", "feature": "", "group": "", "other_region": ""}
    >>> names |= {"change_low": -1, "change_high": 1}
    >>> told = [("nose", "audit", "raises"), ("chin", "audit", "undecided")]
    >>> told += [("nose", "black", "lowers"), ("chin", "black", "raises")]
    >>> conclusions = pd.DataFrame([names | {"region": r, "choice": c, "verdict": v} for r, c, v in told])
    >>> change_table(conclusions, "audit").query("kind == 'all'").T.squeeze().to_dict()
    {'choice': 'black', 'kind': 'all', 'statements': 2, 'decided': 1, 'kept': 0, 'turned': 1, 'undecided': 0, \
'decided_here': 1, 'changed': 0}
    """
    at_base = conclusions[conclusions["choice"] == base].set_index(STATEMENT)["verdict"].rename("before")
    rows = []
    for choice, of_choice in conclusions[conclusions["choice"] != base].groupby("choice", sort=False):
        joined = of_choice.join(at_base, on=STATEMENT)
        for kind in (*dict.fromkeys(joined["kind"]), "all"):
            chosen = joined if kind == "all" else joined[joined["kind"] == kind]
            decided = chosen["before"] != UNDECIDED
            same, open_ = chosen["verdict"] == chosen["before"], chosen["verdict"] == UNDECIDED
            counts = {"statements": len(chosen), "decided": decided.sum(), "kept": (decided & same).sum()}
            counts |= {"turned": (decided & ~same & ~open_).sum(), "undecided": (decided & open_).sum()}
            counts |= {"decided_here": (~decided & ~open_).sum()}
            counts |= {"changed": ((chosen["change_low"] > 0) | (chosen["change_high"] < 0)).sum()}
            rows.append({"choice": choice, "kind": kind} | {name: int(count) for name, count in counts.items()})
    return pd.DataFrame(rows)


def rank_table(years: pd.DataFrame, faces: pd.DataFrame, resampling: Resampling) -> pd.DataFrame:
    """How much each region counts, and its rank among regions, under each choice.

    Parameters
    ----------
    years, faces
        As :func:`conclusion_table`.
    resampling : Resampling

    Returns
    -------
    DataFrame
        One row a choice and region: ``choice``, ``region``, ``n``, ``size`` (mean of years without their sign),
        ``rank`` (1 counts most), ``rank_low``, ``rank_high`` (the middle 95 % of the ranks when the faces are drawn
        anew); NaN without faces.

    Examples
    --------
    >>> rows = [{"fname": f"{face}.jpg", "choice": "audit", "region": region, "years": years}
    ...         for face in range(5) for region, years in (("nose", 1.0), ("chin", -2.0 - face))]
    >>> faces = pd.DataFrame({"fname": [f"{face}.jpg" for face in range(5)]})
    >>> rank_table(pd.DataFrame(rows), faces, Resampling(seed=1))
      choice region  n  size  rank  rank_low  rank_high
    0  audit   nose  5   1.0     2         2          2
    1  audit   chin  5   4.0     1         1          1
    """
    regions, of_choice = _by_choice(years, faces)
    tails = [(1 - resampling.confidence) / 2, (1 + resampling.confidence) / 2]
    rows = []
    for choice, values in of_choice.items():
        sizes = np.abs(values)
        options = resampling.for_intervals("ranks of regions")
        drawn = _ranks(means_of_draws(sizes, rng=options["rng"], draws=options["draws"]))
        low, high = np.quantile(drawn, tails, axis=0, method="nearest")
        means = sizes.mean(axis=1)
        columns = {"choice": choice, "region": regions, "n": sizes.shape[1], "size": means}
        rows.append(pd.DataFrame(columns | {"rank": _ranks(means[None])[0], "rank_low": low, "rank_high": high}))
    return pd.concat(rows, ignore_index=True)


def _ranks(sizes: np.ndarray) -> np.ndarray:
    """1 for the largest of each row."""
    return 1 + np.argsort(np.argsort(-sizes, axis=1, kind="stable"), axis=1, kind="stable")
