"""The demo, as ``make demo`` runs it but for the light estimator."""

from age_audit import demo


def test_two_portraits_through_all_stages_with_either_preset(tmp_path, capsys):
    for preset in ("audit", "published"):  # as make demo, and then make demo PRESET=published
        assert demo.main(["--output", str(tmp_path), "--estimator", "cydral-resnet10", "--preset", preset]) == 0
    said = capsys.readouterr().out
    assert "2 images = 2 done + 0 failed" in said
    for name in ("Eileen Collins", "Grace Hopper"):
        assert name in said
    pictures = sorted(path for path in tmp_path.glob("*.png"))
    assert len(pictures) == 2 * (2 + 1) and all(path.stat().st_size > 10_000 for path in pictures)
    assert (tmp_path / "figures" / "demo_cydral-resnet10_published_errors_by_gender.csv").is_file()
