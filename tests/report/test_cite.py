"""What a run says it did and used: nothing that it did not, and every parameter that its provenance states."""

import re
import shutil
import subprocess

import pytest
import yaml

from age_audit.core.errors import UsageError
from age_audit.core.paths import ROOT
from age_audit.data.estimates import write_estimates
from age_audit.report.cite import WORKS, CiteConfig, all_works, bibtex, cite, methods_paragraph, provenance_in, works_of

SHIPPED = ROOT / "metadatasets"
DEX = {"name": "dex-wrn", "weights_hash": "md5:fb", "precision": "float32"}
STATED = {
    "dataset": "mine",
    "counts": {"images": 1200, "failed": {"align/no-face": 2, "crop/no-face": 1}},
    "code": {"age_audit": "0.1.0", "sources_sha256": "75"},
    "labels": {"from": "labels.csv"},
    "crop": {"margin": 0.4, "upsample": 1},
    "estimator": DEX,
    "preset": "audit",
    "explanation": {"num_samples": 256, "rescale": False, "hidden": "mean-colour"},
    "libraries": {"numpy": "2.4.6", "keras": "3.15.1"},
    "machine": "x86_64",
}


def keys(stated):
    return {work["key"] for work in works_of(stated)}


PARAGRAPH = """
1,200 pictures of the data set mine were processed with age-audit 0.1.0 (sources sha256:75); of these, 3 failed
(align/no-face 2, crop/no-face 1). Labels are from labels.csv. Faces were found by dlib's frontal face detector and cut
out (margin 0.4, upsample 1). Ages were estimated by dex-wrn (weights md5:fb, float32). Estimates were explained by
lime, preset audit (num samples 256, rescale no, hidden mean-colour). Of 7 explanations, shares of 13 regions were
taken; without: landmarks/no-face-on-crop 2. Libraries: numpy 2.4.6, keras 3.15.1; machine: x86_64.
"""


def test_the_paragraph_worked_by_hand():
    regions = STATED | {"counts": {"done": 7, "landmarks/no-face-on-crop": 2}}
    told = methods_paragraph({"predictions": STATED, "masks": STATED, "activations": regions})
    assert told == " ".join(PARAGRAPH.split())


def test_estimates_alone_are_not_said_to_be_explained():
    told = methods_paragraph({"predictions": STATED})
    assert "explained" not in told and "dex-wrn" in told
    assert not keys({"predictions": STATED}) & {"Ribeiro2016", "Vedaldi2008", "Gaspar2021", "Abadi2016"}


def test_what_a_run_used_is_cited():
    explained = {"predictions": STATED, "masks": STATED | {"aligned": {"landmark_model_sha256": "fb"}}}
    assert keys(explained) >= {
        "age-audit",
        "Stardust",
        "Rothe2018",
        "Ribeiro2016",
        "Gaspar2021",
        "Kazemi2014",
        "Chollet2015",
    }
    rise = STATED | {"explanation": {"method": "rise"}, "estimator": DEX | {"name": "cydral-resnet10"}}
    assert keys({"predictions": rise, "masks": rise}) & set(sum(WORKS.values(), ())) == {
        *("Stardust", "King2009", "Harris2020", "Virtanen2020", "Cydral", "He2016", "Petsiuk2018")
    }  # no Keras: it runs in onnxruntime; no face of UTKFace; not LIME


def test_every_reference_serves_a_run_and_every_work_is_there():
    listed = {work["key"] for work in all_works()} - {"age-audit"}
    assert listed == {key for of_one in WORKS.values() for key in of_one}
    assert len(listed) == len(all_works()) - 1


@pytest.mark.parametrize("work", all_works(), ids=lambda work: work["key"])
def test_bibtex_is_balanced_and_has_what_the_file_says(work):
    entry = bibtex(work)
    assert entry.count("{") == entry.count("}") and entry.startswith("@")
    assert re.search(r"author = \{.+\},", entry) and work["title"].split()[0] in entry
    if "year" in work:
        assert f"year = {{{work['year']}}}" in entry


@pytest.mark.skipif(shutil.which("bibtex") is None, reason="no BibTeX here")
@pytest.mark.parametrize("style", ["plain", "apalike"])
def test_bibtex_misses_nothing_in_any_entry(tmp_path, style):
    entries = "\n".join(map(bibtex, all_works()))
    assert "@misc{Stardust," in entries and "@misc{Gaspar2021," in entries and entries.count("year = {n.d.}") >= 2
    (tmp_path / "works.bib").write_text(entries)
    (tmp_path / "paper.aux").write_text(f"\\citation{{*}}\n\\bibdata{{works}}\n\\bibstyle{{{style}}}\n")
    told = subprocess.run(["bibtex", "paper"], cwd=tmp_path, capture_output=True, text=True)
    assert told.returncode == 0 and "Warning" not in told.stdout, told.stdout


def test_the_citation_file_is_of_the_format():
    found = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert found["cff-version"] == "1.2.0" and {"message", "title", "authors"} <= found.keys()
    for work in found["references"]:
        assert {"type", "title", "authors"} <= work.keys()


def test_the_command_on_results_that_ship(tmp_path):
    told = cite(CiteConfig(metadatasets=SHIPPED / "face-api"))
    assert told.startswith("8,749 pictures") and "@misc{Mandic-face-api," in told and "Ribeiro" not in told
    with pytest.raises(UsageError, match="found none; name the folder"):
        provenance_in(tmp_path, "utkface")


def test_estimates_of_a_csv_are_cited_though_nobody_knows_the_weights(tmp_path):
    (tmp_path / "mine.csv").write_text("fname,age,estimate\na.jpg,20,22\n")
    write_estimates(tmp_path / "mine.csv", tmp_path / "made")
    assert "Ages were estimated by mine (weights not stated)." in cite(CiteConfig(tmp_path / "made", "mine"))


def test_a_data_set_called_as_a_method_cites_no_method():
    assert not keys({"predictions": STATED | {"dataset": "rise"}}) & {"Petsiuk2018"}
