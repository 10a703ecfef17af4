"""Notebooks are executed in real kernels."""

import json
import os
from pathlib import Path

import pytest

from age_audit.core.errors import UsageError
from age_audit.report import notebooks
from age_audit.report.notebooks import execute_notebook, execute_notebooks, from_here, link_activations, main

pytestmark = pytest.mark.long

PARAMETERS = 'ESTIMATOR = "dex-wrn"  # which one\nSEED = 42'
SETUP = f"""
import sys

sys.path.insert(0, {str(notebooks.ROOT)!r})
from age_audit.report.notebooks import start

start()
"""


def write_notebook(path, *cells):
    import nbformat  # here: every test process collects, and this takes a second
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    tagged = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]}, id="parameters")
    rest = [new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(cells)]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# What is asked", id="title"), tagged, *rest]), path)
    return path


def cells_of(path):
    import nbformat

    return nbformat.read(path, as_version=4).cells


def outputs(path):
    return [
        output.get("text") or output["data"]["text/plain"]
        for cell in cells_of(path)
        for output in cell.get("outputs", [])
    ]


def test_same_notebook_same_bytes_with_parameters_and_warnings(tmp_path):
    source = write_notebook(
        tmp_path / "one.ipynb",
        SETUP,
        "import warnings\nwarnings.warn('few faces')\nprint(ESTIMATOR, SEED)",
        "from pathlib import Path\n(Path.cwd() / 'age_audit').is_dir()",
    )
    given = {"ESTIMATOR": "cydral-resnet10"}
    for name in ("first", "second"):
        execute_notebook(source, tmp_path / f"{name}.ipynb", given)
    first = (tmp_path / "first.ipynb").read_bytes()
    assert first == (tmp_path / "second.ipynb").read_bytes()
    assert sorted(outputs(tmp_path / "first.ipynb")) == ["Note: few faces\n", "True", "cydral-resnet10 42\n"]
    assert notebooks.notes_in(tmp_path / "first.ipynb") == ["Note: few faces"]
    cell = cells_of(tmp_path / "first.ipynb")[1]
    assert cell.source == "ESTIMATOR = 'cydral-resnet10'  # which one\nSEED = 42"


def test_kernels_start_without_what_executes_them_and_compute_in_one_thread(tmp_path):
    threads = "import numpy\nfrom threadpoolctl import threadpool_info\n"
    threads += "print({library['num_threads'] for library in threadpool_info()}, 'nbclient' in sys.modules)"
    source = write_notebook(tmp_path / "one.ipynb", SETUP, threads)
    execute_notebook(source, source)
    assert outputs(source) == ["{1} False\n"]


def test_an_unknown_parameter_is_refused(tmp_path):
    source = write_notebook(tmp_path / "one.ipynb")
    with pytest.raises(UsageError, match="one of ESTIMATOR, SEED; got PRESET"):
        execute_notebook(source, source, {"PRESET": "audit"})


def test_a_failing_cell_is_an_error_and_leaves_the_target_alone(tmp_path):
    source = write_notebook(tmp_path / "one.ipynb", "1 / 0")
    before = source.read_bytes()
    with pytest.raises(UsageError, match="ZeroDivisionError"):
        execute_notebook(source, source)
    assert source.read_bytes() == before


def test_ctrl_c_ends_the_kernel_and_leaves_the_target_alone(tmp_path):
    cell = "import os, signal, time\nopen({!r}, 'w').write(str(os.getpid()))\n"
    cell = cell.format(str(tmp_path / "pid")) + "os.kill(os.getppid(), signal.SIGINT)\ntime.sleep(300)"
    source = write_notebook(tmp_path / "one.ipynb", cell)
    before = source.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        execute_notebook(source, source)
    assert source.read_bytes() == before
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_ctrl_c_while_several_run_keeps_those_that_had_ended(tmp_path):
    write_notebook(tmp_path / "one.ipynb", "1 + 1")
    write_notebook(
        tmp_path / "two.ipynb", "import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(300)"
    )
    with pytest.raises(KeyboardInterrupt):
        execute_notebooks(["one", "two", "one"], tmp_path / "done", workers=1, source=tmp_path)
    assert [path.name for path in (tmp_path / "done").iterdir()] == ["one.ipynb"]


def test_a_process_ended_from_outside_is_told(tmp_path):
    source = write_notebook(tmp_path / "one.ipynb", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(UsageError, match=r"one.ipynb to run to its end, but its process was ended from outside"):
        execute_notebook(source, source)


def test_a_notebook_too_large_for_code_hosts_is_refused(tmp_path):
    source = write_notebook(tmp_path / "one.ipynb", "print('x' * 1_600_000)")
    with pytest.raises(UsageError, match="below 1,500,000 bytes"):
        execute_notebook(source, tmp_path / "two.ipynb")
    assert not (tmp_path / "two.ipynb").exists()


def test_folders_are_looked_up_from_where_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = from_here({"METADATASETS": "clean/meta", "FIGURES": "~/figures", "ESTIMATOR": "clean/meta"})
    home = str(Path("~/figures").expanduser())
    assert found == {"METADATASETS": str(tmp_path / "clean/meta"), "FIGURES": home, "ESTIMATOR": "clean/meta"}
    monkeypatch.chdir(notebooks.ROOT / "docs")
    assert from_here({"METADATASETS": "../metadatasets/x"})["METADATASETS"] == "metadatasets/x"


def test_several_notebooks_at_once(tmp_path):
    for name in ("one", "two"):
        write_notebook(tmp_path / f"{name}.ipynb", f"print({name!r}, SEED)")
    execute_notebooks(["one", "two"], tmp_path / "done", {"SEED": 7}, source=tmp_path)
    assert outputs(tmp_path / "done" / "one.ipynb") == ["one 7\n"]
    assert outputs(tmp_path / "done" / "two.ipynb") == ["two 7\n"]


def test_a_missing_notebook_is_named(tmp_path):
    write_notebook(tmp_path / "one.ipynb")
    with pytest.raises(UsageError, match="got three; there are: one"):
        execute_notebooks(["three"], tmp_path, source=tmp_path)


WITH_CLAIMS = """
import pandas as pd
from age_audit.report.claims import Claims
from age_audit.report.saving import Saver
saver = Saver("one", "faces", "{0}", "{0}")
saver.table(pd.DataFrame({{"n": [3]}}), "errors", "Errors.")
claims = Claims(saver)
claims.add("How many?", "audit", "There are {{}} <faces>.", "errors", "n")
claims.put_on_top(1)
claims.save("All claims.");
"""


def test_what_was_found_is_written_on_top_by_the_last_cell(tmp_path):
    show = "from age_audit.report.claims import show_found\nshow_found()"
    source = write_notebook(tmp_path / "one.ipynb", SETUP, show, WITH_CLAIMS.format(tmp_path))
    execute_notebook(source, source)
    _, _, _, top, last = cells_of(source)
    (found,) = top.outputs
    assert found["data"]["text/plain"] == "What we found\nThere are 3 <faces>."
    assert "<li>There are 3 &lt;faces&gt;.</li>" in found["data"]["text/html"]
    assert not last.outputs


def test_a_shown_figure_carries_its_alternative_text_and_caption(tmp_path):
    draw = "\n".join(
        [
            "from age_audit.figures import style",
            "from age_audit.report.saving import Saver",
            f"saver = Saver('one', 'faces', {str(tmp_path)!r}, {str(tmp_path)!r})",
            "saver.figure(style.new_figure(1, 1), 'one', 'What is <shown>.', 'An empty \"page\".')",
        ]
    )
    source = write_notebook(tmp_path / "one.ipynb", SETUP, draw)
    execute_notebook(source, source)
    picture, caption = cells_of(source)[-1].outputs
    assert picture["metadata"]["image/png"]["alt"] == 'An empty "page".'
    assert caption["data"]["text/plain"] == 'What is <shown>.\nIn words: An empty "page".'
    assert "<p>What is &lt;shown&gt;.</p>" in caption["data"]["text/html"]
    assert "An empty &quot;page&quot;." in caption["data"]["text/html"]


def test_a_package_without_its_repository_has_none(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["--target", str(tmp_path / "done")])
    assert stopped.value.code == 2
    assert f"expected notebooks in {tmp_path}, found none; run this from a clone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "SEED=1"], "expected a --target"),
        (["-p", "SEED", "--target", "elsewhere"], "expected NAME=VALUE"),
        (["--target", __file__], "expected --target to name a folder"),
    ],
)
def test_the_command_line_refuses(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_activations_are_linked_into_the_root(tmp_path):
    folder = tmp_path / "metadatasets"
    folder.mkdir()
    name = "metadataset_faces_activations.json"
    (folder / name).write_text("[]")
    link_activations(tmp_path)
    link_activations(tmp_path)
    assert json.loads((tmp_path / name).read_text()) == []
    assert (tmp_path / name).is_symlink()


def test_a_file_of_the_users_own_is_not_replaced_by_a_link(tmp_path):
    folder = tmp_path / "metadatasets"
    folder.mkdir()
    name = "metadataset_faces_activations.json"
    (folder / name).write_text("[]")
    (tmp_path / name).write_text("[1]")
    link_activations(tmp_path)
    assert (tmp_path / name).read_text() == "[1]"
