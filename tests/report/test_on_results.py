"""What commands that execute a notebook on results refuse alike."""

import pytest

from age_audit.core.errors import UsageError
from age_audit.report.compare import CompareConfig
from age_audit.report.gate import GateConfig
from age_audit.report.notebooks import NOTEBOOKS
from age_audit.report.on_results import refuse_notebooks


@pytest.mark.parametrize("config", [CompareConfig, GateConfig])
def test_a_preset_that_there_is_not_is_called_one_before_results_are_looked_for(config):
    with pytest.raises(UsageError, match="expected --preset to be one of published, audit, got 'both'"):
        config("one", preset="both")


def test_the_folder_of_notebooks_is_known_by_any_name():
    with pytest.raises(UsageError, match="expected an --output other than"):
        refuse_notebooks(NOTEBOOKS / ".." / NOTEBOOKS.name)
