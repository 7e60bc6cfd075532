"""A scene as PNG, through matplotlib."""

from __future__ import annotations

import warnings
from pathlib import Path

from madi.graph.drawing.painting import paint
from madi.graph.drawing.scene import Scene

SCALE = 2.0  # pixels of the picture for each of the drawing
MOST_PIXELS = 30_000  # along one side; the renderer's own limit is 65,536


def save_png(scene: Scene, path: Path) -> None:
    """Write the scene on a white ground."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scale = min(SCALE, MOST_PIXELS / max(scene.width, scene.height))
    figure = Figure(figsize=(scene.width / 72, scene.height / 72), dpi=72 * scale, facecolor="white")
    figure.set_layout_engine("none")  # whatever the user's defaults are: the scene is laid out already
    FigureCanvasAgg(figure)
    paint(scene, figure.add_axes((0, 0, 1, 1)), scale=1.0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # drawn as an empty box
        figure.savefig(path, format="png", dpi=72 * scale, metadata={"Software": None})
