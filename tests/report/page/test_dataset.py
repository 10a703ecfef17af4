"""Labels: copies that disagree, ages that are round, and what is not measured is said not to be."""

import pandas as pd
import pytest

from age_audit.core.randomness import Resampling
from age_audit.data.results import find_results
from age_audit.report.page.dataset import data_set
from age_audit.report.page.errors import with_bands
from tests.report.page.made import document, write

RESAMPLING = Resampling(1, draws=99)


def results_in(folder):
    write(folder, document([30, 34] * 40, [31.0] * 80))
    return find_results(folder, "own", "published", "mine")


def test_without_measures_that_is_said_and_no_copy_counted(tmp_path):
    results = results_in(tmp_path)
    section = data_set(results, with_bands(results), {"own": results}, None, RESAMPLING)
    assert any("were not measured" in line for line in section.text)
    assert not [claim for claim in section.claims if claim.table == "copies"]
    assert section.finding == "80 pictures; the labels are taken as they are"


def test_equal_pictures_with_two_ages_are_counted(tmp_path):
    results = results_in(tmp_path)
    images = pd.DataFrame({"fname": [f"{i}.jpg" for i in range(80)], "age_real": [30.0, 34.0] * 20 + [30.0] * 40})
    images = images.assign(cluster=[i // 2 for i in range(80)], pixels=[str(i // 2) for i in range(80)])
    section = data_set(results, with_bands(results), {"own": results}, images, RESAMPLING)
    [share, apart] = [claim for claim in section.claims if claim.table == "copies"]
    assert share.sentence.startswith("Of 40 pairs of equal pictures 50 %")
    assert apart.sentence.startswith("Over all these pairs, ages are 2.0 years")
    assert section.finding == share.sentence.rstrip(".")


@pytest.mark.parametrize(("oldest", "told"), [(99, "63–92"), (90, "23–62"), (50, None)])
def test_ages_that_end_at_a_round_one_are_not_called_round(oldest, told, tmp_path):
    """Each age as often as any other: among 63–90 six of 28 are round, and that is no preference."""
    ages = list(range(oldest + 1)) * 120
    write(tmp_path, document(ages, [float(age) for age in ages]))
    results = find_results(tmp_path, "own", "published", "mine")
    section = data_set(results, with_bands(results), {"own": results}, None, RESAMPLING)
    found = [claim for claim in section.claims if claim.table == "heaping"]
    assert [claim.verdict for claim in found] == ["chance"] * (told is not None)
    assert all(f"Labels of {told} years prefer no round ages" in claim.sentence for claim in found)
