"""Every name and path of the package that documentation mentions exists, and its numbers are those of the tables."""

import importlib
import json
import re
import tomllib
from dataclasses import fields
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.errors.groups import estimates_of
from age_audit.core.config import Stage1Config, Stage2Config
from age_audit.core.paths import ROOT
from age_audit.data.metadatasets import read_metadataset
from age_audit.data.results import find_results
from age_audit.pipeline.stage3 import RESAMPLING
from age_audit.report.claims import Claims
from age_audit.report.sentences import add_claims
from benchmarks.planted import FLAWS

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
NAME = re.compile(r"\bage_audit(?:\.\w+)+")
PATH = re.compile(r"\bage_audit(?:/[\w.]+)*/?")
NUMBERS = ROOT / "docs" / "numbers.toml"
WHOLE = tomllib.loads(NUMBERS.read_text())["whole"]


def resolves(name):
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            if find_spec(".".join(parts[:end])) is None:
                continue
        except ModuleNotFoundError:  # a part before the last is no package
            continue
        thing = importlib.import_module(".".join(parts[:end])) if end < len(parts) else None
        for part in parts[end:]:
            if not hasattr(thing, part):
                return False
            thing = getattr(thing, part)
        return True
    return False


def test_resolves():
    assert resolves("age_audit.stats") and resolves("age_audit.stats.resampling.Estimates")
    assert not resolves("age_audit.statistics") and not resolves("age_audit.stats.resampling.Nothing")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_of_the_package_exist(page):
    assert [name for name in sorted(set(NAME.findall(page.read_text()))) if not resolves(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_of_the_package_exist(page):
    assert [
        path for path in sorted(set(PATH.findall(page.read_text()))) if not (ROOT / path.rstrip(".")).exists()
    ] == []


def test_the_architecture_page_names_every_room():
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = [path.parent.name for path in (ROOT / "age_audit").glob("*/__init__.py")]
    assert rooms
    assert [room for room in rooms if not re.search(rf"\b{room}\b", page)] == []


def words_of(place):
    """The text of ``page: heading`` up to the next heading, each break of a line a space."""
    page, heading = place.split(": ", 1)
    _, found, rest = (ROOT / page).read_text().partition(f"# {heading}\n")
    assert found, f"expected a heading {heading} in {page}"
    return " ".join(re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0].split())


@pytest.fixture(scope="module")
def quotes():
    """What docs/numbers.toml says that the tables say, by section."""
    found = {path.stem.removeprefix("utkface_"): pd.read_csv(path) for path in (ROOT / "tables").rglob("*.csv")}
    measured = {path.stem: json.loads(path.read_text()) for path in (ROOT / "benchmarks").glob("*.json")}
    found |= {f"benchmark_{name}": pd.DataFrame(rows) for name, rows in measured.items() if isinstance(rows, list)}
    # Of these the rows lie deeper: an entry a method, with its rows; parts by name, each of rows.
    about = ["estimator", "method", "set", "faces", *(["added", flaw] for flaw in FLAWS)]
    found["benchmark_audit_power"] = pd.json_normalize(measured["audit_power"], "rows", about).infer_objects()
    parts = measured["methods"].items()
    found |= {f"benchmark_methods_{part}": pd.DataFrame(rows) for part, rows in parts if isinstance(rows, list)}
    saved = {}
    for name, table in found.items():
        numbers = table.select_dtypes("number")
        saved[name] = table.join(numbers.mul(100).add_suffix("_pct")).join(numbers.abs().add_suffix("_size"))
    claims = Claims(SimpleNamespace(saved=saved, prefix=""))
    add_claims(str(NUMBERS.with_suffix("")), claims, saved)
    return claims.table().groupby("question")["claim"].apply(list)


def test_numbers_quoted_are_those_of_the_tables(quotes):
    assert quotes.map(len).sum() > 60
    missing = [(place, quote) for place, said in quotes.items() for quote in said if quote not in words_of(place)]
    assert missing == []


@pytest.mark.parametrize("place", WHOLE)
def test_every_number_of_a_whole_section_is_bound(quotes, place):
    text = words_of(place)
    marked = np.zeros(len(text), bool)
    for quote in [*quotes[place], *WHOLE[place]]:
        found = [match.span() for match in re.finditer(re.escape(quote), text)]
        assert found, quote
        for start, end in found:
            marked[start:end] = True
    assert [match.group() for match in re.finditer(r"\d+", text) if not marked[slice(*match.span())].all()] == []


def test_what_stage_2_is_said_to_want_of_stage_1_is_what_it_takes():
    page = " ".join((ROOT / "README.md").read_text().split())
    said = re.search(r"Stage 2 wants the (.*?) of stage 1, but no `--(\w+)`", page)
    wanted, takes = re.findall(r"`--(\w+)`", said[1]), {field.name for field in fields(Stage2Config)}
    assert wanted == ["metadatasets", "preset", "samples"]
    assert set(wanted) <= takes and said[2] not in takes and said[2] in {field.name for field in fields(Stage1Config)}


def test_what_is_said_of_bfloat16_holds_for_the_faces_that_ship():
    single, half = (
        pd.Series(read_metadataset(ROOT / folder, "utkface", "predictions")["predictions"])
        for folder in ("metadatasets", "metadatasets/dex-wrn-audit")
    )
    moved = (single - half).abs().dropna()
    page = " ".join((ROOT / "docs" / "scaling.md").read_text().split())
    assert f"Over the {len(moved):,} faces that ship in both precisions" in page
    assert f"moves by {moved.mean():.2f} years on average" in page and f"by {moved.max():.2f} at worst" in page
    (said,) = [field.metadata["help"] for field in fields(Stage1Config) if field.name == "precision"]
    assert f"ages move by {moved.mean():.2f} years on average, {moved.max():.2f} at worst" in said


def test_what_bfloat16_changes_is_what_was_measured():
    measured = json.loads((ROOT / "benchmarks" / "precision.json").read_text())
    page = " ".join((ROOT / "docs" / "scaling.md").read_text().split())
    for estimator, found in measured.items():
        fast, years = found["times_as_fast"], found["age_years"]
        assert f"{fast['mean']:.1f} times" in page and f"({fast['min']:.1f} to {fast['max']:.1f}" in page, estimator
        assert f"| {years['mean']:.2f} ({years['max']:.2f}) " in page and found["faces"] == 12
        worst = found["audit"]["weights_r"]
        assert f"| {worst['mean']:.4f} ({worst['min']:.4f}) |" in page
        pixels = found["audit"]["positive_pixels_changed"]
        assert f"| {pixels['mean']:.1%} ({pixels['max']:.1%}) |".replace("%", " %") in page


def test_tables_of_cydral_resnet10_follow_from_its_estimates_that_ship():
    """They are not made anew with the others: one that is quick to make stands for all."""
    place = ROOT / "tables" / "analysis_age_estimations_accuracy_and_differences"
    shipped = pd.read_csv(place / "utkface_cydral-resnet10_errors_overall.csv")
    faces = find_results(ROOT / "metadatasets", "cydral-resnet10", "published", "utkface").predictions
    made = estimates_of(faces, ["age_range"], ["age_range"], resampling=RESAMPLING)
    pd.testing.assert_frame_equal(made, shipped, check_dtype=False, check_categorical=False, rtol=1e-5)
