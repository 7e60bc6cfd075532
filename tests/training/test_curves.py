"""The figure of a history: every curve is there, named, in its place, and no global state of matplotlib is touched."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex

from madi.errors import DataError
from madi.training.curves import MOST_POINTS, STEP_COLOUR, TRAINING_COLOUR, VALIDATION_COLOUR, figure
from madi.training.history import History


def history(epochs=5, names=("accuracy",), *, validation=True, steps=4):
    """Losses 1, 1/2, 1/3, ... and metrics that are one minus half of them; validation is worse by a tenth."""
    made = History()
    for epoch in range(1, epochs + 1):
        row = {"epoch": epoch, "loss": 1 / epoch, **dict.fromkeys(names, 1 - 0.5 / epoch)}
        if validation:
            row |= {"validation_loss": 1.1 / epoch, **{f"validation_{name}": 0.9 - 0.5 / epoch for name in names}}
        made.epochs.append({**row, "seconds": 0.1, "learning_rate": 0.01})
    if steps:
        made.add_steps({name: list(np.linspace(0.9, 0.1, steps * epochs)) for name in ("loss", *names)})
    return made


def lines(axes, colour):
    return [line for line in axes.lines if to_hex(line.get_color()).upper() == colour]


def labels(axes):
    return [text.get_text() for text in axes.texts]


def test_a_panel_for_the_loss_and_each_metric():
    made = figure(history(names=("accuracy", "f1", "auc", "r_squared", "top_5_accuracy", "mean_absolute_error")))
    titles = [axes.get_title(loc="left") for axes in made.axes]
    assert titles == ["loss", "accuracy", "F1", "AUC", "R²", "top-5 accuracy", "mean absolute error"]


def test_the_curves_hold_the_history():
    loss, accuracy = figure(history(3)).axes
    (training,), (validation,), (steps,) = (
        lines(loss, colour) for colour in (TRAINING_COLOUR, VALIDATION_COLOUR, STEP_COLOUR)
    )
    assert training.get_xydata().tolist() == [[1, 1], [2, 1 / 2], [3, 1 / 3]]
    assert validation.get_ydata().tolist() == [1.1, 1.1 / 2, 1.1 / 3]
    assert steps.get_xdata().tolist() == pytest.approx([(i + 1) / 4 for i in range(12)])
    assert accuracy.lines[-1].get_ydata().tolist() == pytest.approx([0.4, 0.65, 0.9 - 0.5 / 3])


def test_each_curve_is_named_at_its_end_with_its_last_value():
    loss, accuracy = figure(history(5)).axes
    assert labels(loss) == ["training 0.200", "validation 0.220"]
    assert labels(accuracy) == ["training 0.900", "validation 0.800"]
    assert not loss.get_legend()


def test_labels_of_equal_values_stand_apart():
    made = history(2)
    for row in made.epochs:
        row["validation_loss"] = row["loss"]
    first, second = figure(made).axes[0].texts
    assert abs(first.get_position()[1] - second.get_position()[1]) >= 0.07


def test_without_validation_and_steps():
    (loss,) = figure(history(names=(), validation=False, steps=0)).axes
    assert labels(loss) == ["training 0.200"]
    assert len(loss.lines) == 1
    assert figure(history(names=(), validation=False, steps=0)).get_supxlabel() == ""


@pytest.mark.parametrize(
    ("epochs", "steps", "text"),
    [(5, 4, "thin line: training by step"), (300, 60, "thin line: training by step, means of 45 steps")],
)
def test_the_thin_line_is_explained(epochs, steps, text):
    made = figure(history(epochs, steps=steps))
    assert made.get_supxlabel() == text
    (line,) = lines(made.axes[0], STEP_COLOUR)
    assert len(line.get_xdata()) == min(MOST_POINTS, epochs * steps)
    assert line.get_xdata()[-1] == pytest.approx(epochs, rel=0.01)


def test_a_loss_that_falls_far_has_a_logarithmic_axis():
    assert figure(history(100)).axes[0].get_yscale() == "log"
    assert figure(history(20)).axes[0].get_yscale() == "linear"
    assert figure(history(20)).axes[0].get_ylim()[0] == 0


def test_what_is_not_finite_is_left_out():
    made = history(3)
    made.epochs[1]["loss"] = float("nan")
    (line,) = lines(figure(made).axes[0], TRAINING_COLOUR)
    assert line.get_xdata().tolist() == [1, 3]


def test_going_on_without_validation_before():
    made = history(4)
    for row in made.epochs[:2]:
        del row["validation_loss"]
    (line,) = lines(figure(made).axes[0], VALIDATION_COLOUR)
    assert line.get_xdata().tolist() == [3, 4]


def test_an_empty_history_says_what_to_do():
    with pytest.raises(DataError) as caught:
        figure(History())
    assert str(caught.value) == "history: nothing to plot, it holds no epoch. Call fit() first."


@pytest.mark.parametrize("epochs", [1, 2, 20, 300])
@pytest.mark.parametrize("validation", [True, False])
@pytest.mark.parametrize("steps", [0, 3])
def test_it_is_drawn_without_a_warning(tmp_path, epochs, validation, steps):
    figure(history(epochs, validation=validation, steps=steps)).savefig(tmp_path / "curves.png", dpi=40)
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_it_shows_itself_in_a_notebook():
    assert figure(history())._repr_png_().startswith(b"\x89PNG")


def test_history_plots_itself_without_pyplot():
    code = (
        "import sys; from madi.training.history import History; h = History();"
        " h.epochs.append({'epoch': 1, 'loss': 1.0});"
        "h.plot(); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
