"""The table of estimators, and what must agree with it."""

from importlib import import_module
from pathlib import Path

import pytest

from age_audit.core.config import PRECISIONS, Stage1Config
from age_audit.estimators.entries import ENTRIES, FILES, FUNCTION, is_custom, kind_of

ROOT = Path(__file__).parents[2]
RUNNERS = (*ENTRIES.values(), *FILES.values(), FUNCTION)


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_an_entry_says_where_its_weights_are_and_what_loads_them(entry):
    assert sum(map(bool, (entry.carried_by, entry.npm, entry.url))) == 1
    if entry.npm is not None:
        assert entry.weights_hash == f"sha256:{next(iter(entry.npm.files.values()))}"
    assert entry.precisions[0] == "float32" and set(entry.precisions) <= set(PRECISIONS)
    module, _, loader = entry.loader.partition(":")
    assert callable(getattr(import_module(f"age_audit.estimators.{module}"), loader))
    assert callable(import_module(f"age_audit.estimators.{entry.runtime}").check_device)


@pytest.mark.parametrize("runtime", sorted({runner.runtime for runner in RUNNERS}))
def test_every_runtime_takes_threads(runtime):
    assert callable(import_module(f"age_audit.estimators.{runtime}").configure_threads)


@pytest.mark.parametrize("name", [*ENTRIES, FUNCTION.form, *(kind.form for kind in FILES.values())])
def test_help_and_readme_name_them_all(name):
    assert name in Stage1Config.__dataclass_fields__["estimator"].metadata["help"]
    assert name.replace("FILE", "") in (ROOT / "README.md").read_text()


@pytest.mark.parametrize(
    ("name", "form"), [("a.b:c", "module:function"), ("x/y.keras", "FILE.keras"), ("C:/y.onnx", "FILE.onnx")]
)
def test_kinds(name, form):
    assert is_custom(name) and kind_of(name).form == form


def test_a_description_is_ones_own_and_others_are_not():
    assert is_custom("mine.json") and not any(map(is_custom, [*ENTRIES, "model.h5", ""]))
