"""Claims of tables that are saved nowhere."""

from types import SimpleNamespace

import pytest

from age_audit.report.claims import Claims
from age_audit.report.sentences import add_claims


@pytest.fixture(scope="session")
def claimed():
    """From a notebook's name, its tables by stem and its words to the table of its claims."""

    def made(notebook, tables, prefix="t", **words):
        return _added(notebook, tables, prefix, words).table()

    return made


@pytest.fixture(scope="session")
def on_top():
    """The same to the sentences on top of the notebook."""
    return lambda notebook, tables, **words: _added(notebook, tables, "t", words).found()


def _added(notebook, tables, prefix, words):
    claims = Claims(SimpleNamespace(saved=tables, prefix=prefix))
    add_claims(notebook, claims, tables, **words)
    return claims
