"""What figures show, read back from their artists."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
import scipy
import seaborn
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from age_audit.core.errors import UsageError
from age_audit.core.groups import LONGEST_GROUP
from age_audit.core.vocabulary import GENDERS, RACES
from age_audit.data.frames import activations_frame, grouped
from age_audit.figures import style
from age_audit.figures.densities import (
    ACCURACY,
    MANY_FACES,
    SIGNED_ERROR,
    axis_limits,
    density,
    distributions_by_age_range,
    draw_densities,
)


def frame_of(*groups):
    """Faces as (race, age, errors)."""
    rows = [
        {"age_real": age, "race_real": race, "gender_real": "Male", "age_estimation": age + error}
        for race, age, errors in groups
        for error in errors
    ]
    return activations_frame([row | {"fname": f"{i}.jpg"} for i, row in enumerate(rows)])


SPREAD = tuple(np.linspace(-9, 12, 40))


def lines(axes):
    return {line.get_label().split(" (")[0]: line for line in axes.get_lines()[1:]}


def test_each_panel_counts_its_own_faces_in_the_legend():
    frame = frame_of(("Asian", 5, SPREAD), ("Other", 5, (1, 2)), ("Asian", 40, (3,)), ("Asian", 110, SPREAD))
    panels = distributions_by_age_range(frame, SIGNED_ERROR, "race_real").axes
    labels = [text.get_text() for text in panels[0].get_legend().get_texts()]
    assert labels == [
        "Caucasian (n = 0)",
        "Asian (n = 40)",
        "African (n = 0)",
        "Indian (n = 0)",
        "Other (n = 2)",
    ]
    assert panels[3].get_legend().get_texts()[1].get_text() == "Asian (n = 1)"
    assert [axes.get_title() for axes in panels] == [
        f"real age {label} years" for label in ("0–12", "13–18", "19–25", "26–100")
    ]


def test_legend_colours_are_those_of_the_curves():
    frame = frame_of(*((race, 20, np.array(SPREAD) + i) for i, race in enumerate(reversed(RACES))))
    axes = distributions_by_age_range(frame, ACCURACY, "race_real").axes[2]
    for handle, text in zip(axes.get_legend().get_lines(), axes.get_legend().get_texts(), strict=True):
        group = text.get_text().split(" (")[0]
        assert to_rgba(handle.get_color()) == to_rgba(lines(axes)[group].get_color())
        assert to_rgba(handle.get_color()) == to_rgba(style.RACE_COLOURS[group])


@pytest.mark.parametrize("errors", [(4,), (4, 5), (4, 4, 4, 4), tuple(range(9)), (4,) * 40])
def test_groups_without_a_density_are_marked_face_by_face(errors):
    axes = distributions_by_age_range(frame_of(("Indian", 5, errors)), SIGNED_ERROR, "race_real").axes[0]
    marks = lines(axes)["Indian"]
    assert marks.get_marker() == style.group_look(["Indian"])["Indian"]["marker"]
    assert marks.get_linestyle() == "None"
    np.testing.assert_array_equal(marks.get_xdata(), errors)


def test_marks_have_no_scale_and_say_so_beside_a_curve_they_do_not_flatten():
    alone = frame_of(("Indian", 5, (1, 2, 3)))
    figure = distributions_by_age_range(alone, SIGNED_ERROR, "race_real")
    assert figure.axes[0].get_ylabel() == "no curve:\na mark is a face" and not len(figure.axes[0].get_yticks())
    assert figure.get_supylabel() == "" and "a group of fewer than 10" in figure.get_supxlabel()
    assert style.overlapping_texts(figure) == []
    both = frame_of(("Indian", 5, (1, 1.1, 1.2)), ("Asian", 5, SPREAD), ("Other", 5, SPREAD[:10]))
    figure = distributions_by_age_range(both, SIGNED_ERROR, "race_real")
    axes = figure.axes[0]
    curve = density(np.array(SPREAD[:10]), np.linspace(-20, 20, 401)).max()  # of ten faces
    assert axes.get_ylim()[1] == pytest.approx(1.12 * curve, rel=0.05)
    assert axes.get_ylabel() == "" and figure.get_supylabel() == "density (per year)"


@pytest.mark.parametrize("measure", [ACCURACY, SIGNED_ERROR])
@pytest.mark.parametrize("source", ["mine, somebody, preset audit; ages are ranges: " * 3, "x" * 200])
@pytest.mark.parametrize("ranges", [[(0, 12), (13, 100)], [(0, 100)]])
def test_long_titles_stay_on_the_page(measure, source, ranges):
    frame = grouped(frame_of(("Asian", 5, SPREAD)), ["race"], ranges)
    figure = distributions_by_age_range(frame, measure, "race_real", source)
    assert style.overlapping_texts(figure) == []
    assert "".join(source.split()) in "".join(figure.get_suptitle().split())


def test_empty_panels_say_so():
    frame = frame_of(("Indian", 5, SPREAD))
    for axes in distributions_by_age_range(frame, ACCURACY, "gender_real").axes[1:]:
        assert [text.get_text() for text in axes.texts] == ["no faces"]
        assert axes.texts[0].get_bbox_patch().get_facecolor() == (1, 1, 1, 1)  # no line goes through the words
        assert axes.get_legend() is None


def test_no_faces_at_all_still_draws(tmp_path):
    for measure in (ACCURACY, SIGNED_ERROR):
        figure = distributions_by_age_range(activations_frame([]), measure, "race_real")
        assert all(axes.texts[0].get_text() == "no faces" for axes in figure.axes)
        style.save_figure(figure, tmp_path, "empty")


@pytest.mark.parametrize(("measure", "at"), [(ACCURACY, 0.90), (SIGNED_ERROR, 0)])
def test_reference_line_is_in_view(measure, at):
    for axes in distributions_by_age_range(frame_of(("Asian", 5, (40, 50, 60))), measure, "race_real").axes:
        assert list(axes.get_lines()[0].get_xdata()) == [at, at]
        low, high = axes.get_xlim()
        assert low < at < high


def test_a_single_age_range_has_all_of_the_page():
    frame = grouped(frame_of(("Asian", 30, SPREAD)), ["race"], [(26, 100)])
    figure = distributions_by_age_range(frame, ACCURACY, "race_real")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_title() == "real age 26–100 years"
    assert axes.get_window_extent().width > 0.8 * figure.bbox.width


def test_axes_name_their_units():
    frame = frame_of(("Asian", 5, SPREAD))
    error = distributions_by_age_range(frame, SIGNED_ERROR, "race_real")
    accuracy = distributions_by_age_range(frame, ACCURACY, "race_real", "utkface")
    assert "(years)" in error.get_supxlabel()
    assert "per year" in error.get_supylabel()
    assert "accuracy = (100 −" in accuracy.get_supxlabel()
    assert accuracy.get_suptitle() == "Accuracy of the age estimate by race (utkface)"


def test_axis_ends_at_whole_steps_around_values_and_reference():
    assert axis_limits(pd.Series([12.0, 31.0]), SIGNED_ERROR) == (-10, 40)
    assert axis_limits(pd.Series([0.62, 0.99]), ACCURACY) == pytest.approx((0.5, 1.0))
    assert axis_limits(pd.Series([], dtype=float), SIGNED_ERROR) == (-10, 10)


def test_density_without_a_bound_is_seaborns():
    values = np.random.default_rng(5).normal(2, 6, size=50)
    x, y = seaborn.kdeplot(x=values, ax=Figure().subplots()).get_lines()[0].get_data()
    np.testing.assert_allclose(density(values, x), y, rtol=1e-6)


def test_reflected_density_keeps_all_mass_below_the_bound():
    values = 1 - np.abs(np.random.default_rng(6).normal(0, 0.05, size=200))
    grid = np.linspace(0.5, 1.2, 7001)
    curve = density(values, grid, upper=1.0)
    assert (curve[grid > 1 + 1e-9] == 0).all()
    assert np.trapezoid(curve, grid) == pytest.approx(1, abs=2e-3)
    # Half a normal distribution is highest at its bound; without reflection the curve would fall off before it.
    assert abs(grid[curve.argmax()] - 1) < 0.02


def test_groups_of_another_scheme_stand_alone():
    frame = frame_of(("Zulu", 5, SPREAD), ("Asian", 5, SPREAD), ("Inuit", 5, SPREAD))
    axes = distributions_by_age_range(frame, ACCURACY, "race_real").axes[0]
    assert list(lines(axes)) == ["Asian", "Inuit", "Zulu"]
    assert len({line.get_color() for line in lines(axes).values()}) == 3


def test_nine_groups_stay_apart_in_grey_and_uncovered_in_age_ranges_of_ones_own():
    names = [f"tone {i}" for i in range(1, 10)]
    frame = grouped(frame_of(*((name, 15, SPREAD) for name in names)), ["race"], [(0, 12), (13, 17), (18, 100)])
    figure = distributions_by_age_range(frame, ACCURACY, "race_real")
    assert [axes.get_title() for axes in figure.axes] == [
        f"real age {ages} years" for ages in ("0–12", "13–17", "18–100")
    ]
    curves = lines(figure.axes[1])
    assert list(curves) == names
    assert len({(line.get_marker(), str(line.get_linestyle())) for line in curves.values()}) == 9
    shown = [set(range(*line.get_markevery().indices(401))) for line in curves.values()]
    assert all(shown) and sum(map(len, shown)) == len(set.union(*shown))  # no marker hides another's
    FigureCanvasAgg(figure).draw()
    legend = figure.axes[1].get_legend().get_window_extent()
    assert legend.x0 >= figure.axes[1].get_window_extent().x1 and legend.x1 <= figure.bbox.x1


def test_names_are_never_read_as_formulas(tmp_path):
    frame = frame_of((r"$\nonsense$", 5, SPREAD))
    figure = distributions_by_age_range(frame, ACCURACY, "race_real", r"$\nonsense$")
    assert style.save_figure(figure, tmp_path, "figure").exists()


@pytest.mark.parametrize("measure", [ACCURACY, SIGNED_ERROR])
@pytest.mark.parametrize("count", [5, 7])
def test_the_longest_names_leave_the_curves_their_room(measure, count):
    names = [f"{'of many words ' * 3}{i:03d}" for i in range(count)]
    assert {len(name) for name in names} == {LONGEST_GROUP}
    figure = distributions_by_age_range(frame_of(*((name, 15, SPREAD) for name in names)), measure, "race_real")
    assert style.overlapping_texts(figure) == []
    assert figure.axes[1].get_window_extent().width > 0.15 * figure.bbox.width


def test_few_faces_are_drawn_thin():
    axes = distributions_by_age_range(frame_of(("Asian", 5, SPREAD), ("Other", 5, SPREAD[:29])), ACCURACY, "race_real")
    curves = lines(axes.axes[0])
    assert curves["Other"].get_linewidth() == style.THIN_LINE < curves["Asian"].get_linewidth()


def test_colours_are_distinct_across_genders_and_races():
    assert set(style.GROUP_COLOURS) == {*GENDERS, *RACES}
    assert len(set(style.GROUP_COLOURS.values())) == 7


def test_same_frame_gives_the_same_bytes_whatever_the_users_settings(tmp_path):
    frame = frame_of(("Asian", 5, SPREAD), ("Other", 40, (1, 2)))
    figure = distributions_by_age_range(frame, ACCURACY, "race_real")
    first = style.save_figure(figure, tmp_path / "one", "figure").read_bytes()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 20}):
        figure = distributions_by_age_range(frame, ACCURACY, "race_real")
        second = style.save_figure(figure, tmp_path / "two" / "deeper", "figure").read_bytes()
    assert first == second
    assert b"Software" not in first


def test_settings_are_given_back():
    before = dict(matplotlib.rcParams)
    distributions_by_age_range(frame_of(("Asian", 5, SPREAD)), ACCURACY, "race_real")
    assert dict(matplotlib.rcParams) == before


def test_one_panel_can_be_drawn_alone():
    frame = frame_of(("Asian", 5, SPREAD))
    axes = Figure().subplots()
    assert draw_densities(axes, frame, SIGNED_ERROR, "race_real", RACES, (-20, 20)) is axes
    assert axes.get_xlim() == (-20, 20)


def test_missing_columns_are_named():
    with pytest.raises(UsageError, match="signed_error"):
        distributions_by_age_range(
            frame_of(("Asian", 5, SPREAD)).drop(columns="signed_error"), SIGNED_ERROR, "race_real"
        )


@pytest.mark.parametrize("upper", [None, 1.0])
@pytest.mark.parametrize("shape", ["normal", "skewed", "outliers"])
def test_many_faces_give_the_exact_curve_to_the_eye(shape, upper):
    rng = np.random.default_rng(1)
    values = {
        "normal": rng.normal(0.5, 0.1, MANY_FACES + 1),
        "skewed": 1 - rng.exponential(0.1, MANY_FACES + 1),
        "outliers": np.append(rng.normal(0, 0.01, MANY_FACES), [-50.0, 1.0]),
    }[shape].clip(max=1.0)
    grid = np.linspace(-1, 1, 401)
    exact = scipy.stats.gaussian_kde(values)
    expected = exact(grid) if upper is None else exact(grid) + exact(2 * upper - grid)
    assert np.abs(density(values, grid, upper) - expected).max() < 1e-3 * expected.max()
