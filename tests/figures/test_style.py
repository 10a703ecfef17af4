"""What the style of figures leaves behind."""

import matplotlib
import pytest

from age_audit.figures import style


@pytest.fixture
def interactive():
    before = matplotlib.is_interactive()
    yield matplotlib.interactive
    matplotlib.interactive(before)


def test_settings_are_the_users_own_afterwards():
    with matplotlib.rc_context({"font.size": 33.0}):
        with style.applied():
            assert matplotlib.rcParams["font.size"] == 10
        assert matplotlib.rcParams["font.size"] == 33


def test_interactive_mode_that_the_first_figure_switches_on_stays_on(interactive):
    """A notebook's display does so when it is loaded, and shows no figure that is made while it is off."""
    interactive(False)
    with style.applied():
        interactive(True)
    assert matplotlib.is_interactive()
    with pytest.raises(KeyError), style.applied():
        interactive(False)
        raise KeyError
    assert not matplotlib.is_interactive()


def test_looks():
    assert style.group_look(["African", "Asian"])["Asian"]["color"] == style.RACE_COLOURS["Asian"]
    assert style.group_look(["Female"])["Female"] == style.group_look(["Male", "Female"])["Female"]
    nine = style.group_look([f"group {i}" for i in range(9)]).values()
    assert len({look["color"] for look in nine}) == len({look["marker"] for look in nine}) == 9
    many = style.group_look([f"group {i}" for i in range(45)]).values()
    assert len({(look["linestyle"], look["marker"]) for look in many}) == 45
    assert len({look["color"] for look in style.group_look(["Asian", "Black", "White"]).values()}) == 3
