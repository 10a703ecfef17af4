"""What commands that execute a notebook on results refuse alike."""

import pytest

from age_audit.core.errors import UsageError
from age_audit.report.compare import CompareConfig
from age_audit.report.gate import GateConfig
from age_audit.report.notebooks import NOTEBOOKS
from age_audit.report.on_results import refuse_notebooks, whole_or_nothing


@pytest.mark.parametrize("config", [CompareConfig, GateConfig])
def test_a_preset_that_there_is_not_is_called_one_before_results_are_looked_for(config):
    with pytest.raises(UsageError, match="expected --preset to be one of published, audit, got 'both'"):
        config("one", preset="both")


def test_the_folder_of_notebooks_is_known_by_any_name():
    with pytest.raises(UsageError, match="expected an --output other than"):
        refuse_notebooks(NOTEBOOKS / ".." / NOTEBOOKS.name)


def fill(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_what_fails_leaves_no_more_than_was_there(tmp_path):
    output = tmp_path / "new" / "out"
    with pytest.raises(UsageError), whole_or_nothing("audit_gate", output):
        fill(output, "metadatasets/one.json", "audit_gate/one.png", "tables/audit_gate/one.csv")
        raise UsageError("refused late")
    assert not (tmp_path / "new").exists()
    mine = ("tables/audit_gate/older.csv", "audit_gate.ipynb", "mine.txt")
    fill(output, *mine)
    told = "interrupted; nothing new is left in"
    with pytest.raises(KeyboardInterrupt, match=told), whole_or_nothing("audit_gate", output):
        fill(output, "metadatasets/one.json", "tables/audit_gate/one.csv", "tables/compare_estimators/other.csv")
        raise KeyboardInterrupt
    left = {str(path.relative_to(output)) for path in output.rglob("*") if path.is_file()}
    assert left == {*mine, "tables/compare_estimators/other.csv"}


def test_what_ends_well_stays(tmp_path):
    with whole_or_nothing("audit_gate", tmp_path / "out"):
        fill(tmp_path / "out", "tables/audit_gate/one.csv")
    assert (tmp_path / "out/tables/audit_gate/one.csv").exists()
