"""Tests stand where the module stands that they test."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
# What several modules do together, named after that.
TOGETHER = {
    *("estimators/test_contract.py", "estimators/test_dex_efficientnet.py", "estimators/test_dex_wrn.py"),
    *("explain/test_cams.py", "explain/test_lime_equality.py", "explain/test_settled.py", "notebooks/test_paper.py"),
    *("pipeline/test_bad_inputs.py", "pipeline/test_cluster.py", "pipeline/test_describe_attributions.py"),
    "pipeline/test_explanations.py",
    *("pipeline/test_full_disk.py", "pipeline/test_interrupted.py", "pipeline/test_own_groups.py"),
    "pipeline/test_stages.py",
    "report/page/test_browser.py",
    # Sentences are data, one file a notebook; their reader is the room itself.
    *(
        f"report/sentences/test_{name}.py"
        for name in ("appendix_a", "appendix_b", "compare", "dataset", "errors", "gate", "gender", "heatmaps")
    ),
    *("report/sentences/test_reader.py", "report/sentences/test_shipped.py"),
}


def test_every_file_of_tests_mirrors_a_module():
    files = {path.relative_to(ROOT / "tests") for path in (ROOT / "tests").glob("*/**/test_*.py")}
    assert len(files) > len(TOGETHER)
    modules = {file: file.with_name(file.name.removeprefix("test_")) for file in files}
    without = {str(file) for file, module in modules.items() if not (ROOT / "age_audit" / module).is_file()}
    assert without == TOGETHER
