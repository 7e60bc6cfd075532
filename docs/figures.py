"""The figures of these pages, made by madi itself: `python docs/figures.py` writes them into docs/figures/."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import madi
import madi.functions as F

BLUE, ORANGE, GREY, INK = "#1B7FC4", "#D55E00", "#C4CCD4", "#2F4858"
STYLE = {
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "svg.hashsalt": "madi",  # the same figure is the same file
    "xtick.color": INK,
    "ytick.color": INK,
}

PAIRS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
# Points (x1, x2) at both ends of a line that separates the 1s of the gate from its 0s.
LINES = {"AND": ((-0.3, 1.7), (1.7, -0.3)), "OR": ((-0.3, 0.7), (0.7, -0.3)), "XOR": None}


def gates():
    """AND and OR with their lines; XOR, which has none."""
    figure, every = plt.subplots(1, 3, figsize=(7.6, 2.7), sharey=True)
    for axes, (name, line) in zip(every, LINES.items(), strict=True):
        values = madi.models.gate(name)(PAIRS).value.ravel()
        for value, marker, color in ((0, "o", GREY), (1, "o", BLUE)):
            chosen = PAIRS[values == value]
            axes.plot(*chosen.T, marker, markersize=16, color=color, clip_on=False)
        for (x1, x2), value in zip(PAIRS, values, strict=True):
            axes.text(x1, x2, f"{value:.0f}", ha="center", va="center", color="white" if value else INK)
        if line:
            axes.plot(*zip(*line, strict=True), "--", color=ORANGE)
        axes.set(title=name if line else f"{name}: no line does it", xlabel="x1", aspect="equal")
        axes.set(xlim=(-0.4, 1.5), ylim=(-0.4, 1.5), xticks=(0, 1), yticks=(0, 1))
    every[0].set_ylabel("x2")
    return figure


def activations():
    """Four activation functions with their slopes, which backward gives."""
    figure, every = plt.subplots(1, 4, figsize=(7.6, 2.3), sharey=True)
    for axes, function in zip(every, (F.step, F.sigmoid, F.tanh, F.relu), strict=True):
        x = madi.Variable(np.linspace(-4, 4, 801))
        y = function(x)
        y.backward(np.ones(x.shape))
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.plot(x.value, y.value, color=BLUE, linewidth=2)
        axes.plot(x.value, x.grad, "--", color=ORANGE, linewidth=1.5)
        axes.set(title=function.__name__, ylim=(-1.2, 2.2), xticks=(-4, 0, 4))
    every[0].text(-4, 1.25, "value", color=BLUE)
    every[0].text(-4, -0.5, "slope", color=ORANGE)
    return figure


def apples():
    """The graph of two apples and tax."""
    price, count = madi.Variable(100.0, name="price of an apple"), madi.Variable(2.0, name="number of apples")
    total = price * count * madi.Variable(1.1, name="tax")
    total.name = "total"
    return madi.draw(total)


def descent():
    """The path of gradient descent on x0² + x1²."""
    x = madi.Variable(np.array([-3.0, 4.0]))
    path = [x.value]
    for _ in range(100):
        (x**2).sum().backward()
        x.value = x.value - 0.1 * x.grad
        path.append(x.value)
    figure, axes = plt.subplots(figsize=(3.8, 3.6))
    x0, x1 = np.meshgrid(np.linspace(-4.5, 4.5, 91), np.linspace(-4.5, 4.5, 91))
    axes.contour(x0, x1, x0**2 + x1**2, levels=np.arange(1, 5) ** 2, colors=GREY, linewidths=1)
    axes.plot(*np.array(path).T, "o-", color=BLUE, markersize=4)
    axes.annotate("start", path[0], (-4.2, 4.2), color=INK)
    axes.set(xlabel="x0", ylabel="x1", aspect="equal", xticks=(-4, 0, 4), yticks=(-4, 0, 4))
    return figure


def digits():
    """Two of each of the training digits' classes, with their labels."""
    x, y = madi.datasets.load("digits").train
    order = np.concatenate([np.flatnonzero(y == label)[:2] for label in range(10)])
    return _images(x[order], y[order].tolist(), rows=2)


def curves():
    """Loss and accuracy of the network of the first page."""
    return trained()[1].plot()


def misread():
    """The first ten test digits that this network misreads."""
    model, _ = trained()
    x, y = madi.datasets.load("digits").test
    answers, _ = madi.predict_classes(model, x)
    wrong = np.flatnonzero(answers != y)[:10]
    return _images(x[wrong], [f"{y[i]}, read as {answers[i]}" for i in wrong], rows=2)


def trained():
    """The network of the first page and its history."""
    from madi.layers import Dense, Flatten, ReLU

    data = madi.datasets.load("digits")
    model = madi.Sequential(Flatten(), Dense(50), ReLU(), Dense(10)).build((8, 8, 1), seed=0)
    trainer = madi.Trainer(model, optimizer=madi.optimizers.Adam(0.003), metrics=["accuracy"], seed=0)
    return model, trainer.fit(data.train, validation=data.test, epochs=20, batch_size=50, verbose=0)


def optimizer_paths():
    """The experiment of that name, as the lab draws it."""
    return madi.lab.run("optimizer_paths").figure


def _images(x, titles, rows):
    columns = -(-len(x) // rows)
    figure, every = plt.subplots(rows, columns, figsize=(0.75 * columns if columns > 5 else 1.3 * columns, 1.05 * rows))
    for axes in every.flat:
        axes.axis("off")
    for axes, image, title in zip(every.flat, x, titles, strict=False):
        axes.imshow(image[..., 0], cmap="gray_r")
        axes.set_title(title, fontsize=9)
    return figure


def tuning():
    """A search for the learning rate and the weight decay of a network on digits."""
    data = madi.datasets.load("digits")

    def make(parameters):
        model = madi.models.mlp((50,), 10).build((8, 8, 1), seed=0)
        return madi.Trainer(model, optimizer=madi.optimizers.Adam(**parameters), metrics=["accuracy"], engine="jax")

    ranges = {
        "learning_rate": madi.tuning.LogUniform(1e-5, 1.0),
        "weight_decay": madi.tuning.LogUniform(1e-8, 1e-1),
    }
    found = madi.tuning.search(make, data.train, ranges=ranges, trials=60, epochs=10, batch_size=50, verbose=0)
    return found.plot(best=10)


def report():
    """The report on a network that tells digits apart, up to its worst examples: the page itself within an SVG."""
    from madi.diagnostics.report import Evidence, report_html
    from madi.layers import Conv2D, Dense, Flatten, MaxPool2D, ReLU

    data = madi.datasets.load("digits")
    model = madi.Sequential(Conv2D(8, 3), ReLU(), MaxPool2D(2), Flatten(), Dense(10)).build((8, 8, 1), seed=0)
    trainer = madi.Trainer(model, optimizer=madi.optimizers.Adam(0.01), metrics=["accuracy"], engine="numpy")
    parts = {"training": data.train, "test": data.test}
    history = trainer.fit(data.train, validation=data.test, epochs=8, batch_size=50, verbose=0)
    names = {"data": "digits", "network": "A convolutional network", "metrics": ["accuracy"], "history": history}
    return PageAsFigure(report_html(Evidence(model=model, loss=trainer.loss, parts=parts, **names)), 960, 2440)


class PageAsFigure:
    """The top of an HTML page as an SVG."""

    def __init__(self, page, width, height):
        self.page, self.width, self.height = page, width, height

    def save(self, path):
        """Write it."""
        style = self.page.split("<style>")[1].split("</style>")[0].replace(":root", "svg").replace("body", ".body")
        shown = self.page.split("<main>")[1].split("<section><h2>Speed")[0]
        shown = shown.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}">'
            f'<style>{style} svg {{ font: 16px/1.55 system-ui, sans-serif; }}</style><foreignObject width="100%" '
            f'height="100%"><div xmlns="http://www.w3.org/1999/xhtml" class="body"><main>{shown}</main></div>'
            "</foreignObject></svg>\n",
            encoding="utf-8",
        )


FIGURES = {
    f"{recipe.__name__}.svg": recipe
    for recipe in (gates, activations, apples, descent, digits, curves, misread, tuning, optimizer_paths, report)
}


def make(folder):
    """Write every figure into `folder`."""
    with matplotlib.rc_context(STYLE):
        for name, recipe in FIGURES.items():
            made = recipe()
            if isinstance(made, matplotlib.figure.Figure):
                made.savefig(folder / name, metadata={"Date": None})
                plt.close(made)
            else:
                made.save(folder / name)


if __name__ == "__main__":
    make(Path(__file__).resolve().parent / "figures")
