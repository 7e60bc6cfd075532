"""`draw`: the computational graph of a variable as a picture that shows itself in notebooks and saves itself."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madi.errors import ConfigurationError, FileError
from madi.graph.drawing.dot import dot_text
from madi.graph.drawing.painting import paint
from madi.graph.drawing.picture import Picture, picture_of
from madi.graph.drawing.placing import lay_out
from madi.graph.drawing.png import save_png
from madi.graph.drawing.run import Run
from madi.graph.drawing.scene import Scene, scene_of
from madi.graph.drawing.svg import svg_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from madi.graph.variable import Variable


class Drawing:
    """A drawn graph.  Last in a notebook's cell it shows itself; elsewhere `save` it.

    svg    the picture as SVG text
    dot    the graph as DOT text, for Graphviz
    """

    def __init__(self, picture: Picture, *, legend: bool = True) -> None:
        self._picture = picture
        self._legend = legend

    @cached_property
    def _scene(self) -> Scene:
        return scene_of(self._picture, lay_out(self._picture), legend=self._legend)

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text."""
        return svg_text(self._scene)

    @cached_property
    def dot(self) -> str:
        """The graph as DOT text, for Graphviz."""
        return dot_text(self._picture)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points (1/72 inch)."""
        return self._scene.width, self._scene.height

    def paint(self, axes: Axes, *, scale: float = 1.0) -> None:
        """Draw it into axes of a matplotlib figure, beside whatever else is there; the axes must be scale x `size`.

        scale   of letters and lines; the curves fill the axes
        """
        paint(self._scene, axes, scale=scale)

    def without_legend(self) -> Drawing:
        """The same without the words below it that say which colour is what: for a figure of several drawings."""
        return Drawing(self._picture, legend=False)

    def save(self, path: str | Path) -> Path:
        """Write the drawing as its suffix says, .svg, .png or .dot, and return the path.

        Raises ConfigurationError for any other suffix, and FileError where the file cannot be written.
        """
        path = Path(path)
        writers = {".svg": self._save_svg, ".png": self._save_png, ".dot": self._save_dot}
        writer = writers.get(path.suffix.lower())
        if writer is None:
            raise ConfigurationError(
                f"Drawing.save: expected a file name that ends in .svg, .png or .dot, got '{path.name}'."
            )
        try:
            writer(path)
        except OSError as error:
            raise FileError(f"Drawing.save: cannot write {path}: {error.strerror or error}.") from error
        return path

    def _save_svg(self, path: Path) -> None:
        path.write_text(self.svg, encoding="utf-8")

    def _save_png(self, path: Path) -> None:
        save_png(self._scene, path)

    def _save_dot(self, path: Path) -> None:
        path.write_text(self.dot, encoding="utf-8")

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return f'<div style="overflow-x: auto">{self.svg}</div>'  # a wide graph scrolls rather than shrinks

    def __repr__(self) -> str:
        return f"<Drawing: {self._picture.summary} save() writes it as .svg, .png or .dot>"


def draw(output: Variable, *, gradient: Any = None, fold: bool | None = None) -> Drawing:
    """The computational graph of `output`: values on the edges forward, gradients on the edges back.

    output     the end of the graph.  `backward()` need not have been called, and no `.grad` is written
    gradient   dL/d(output), of its shape.  May be left out where `output` is a single number, and is then 1; a larger
               output without it is drawn with values only
    fold       whether blocks that recur are drawn once, with how often; left out: in graphs of more than 24 nodes

    Numbers are rounded to four digits; an array of more than six elements is told by its shape, and its gradient by its
    norm.  Graphs that are too large to draw are cut, and the drawing says so.

    Raises ShapeError where `gradient` is not of the output's shape.

    >>> import madi
    >>> madi.draw(madi.Variable(3.0, name="x") * 2)
    <Drawing: The output = 6 is computed from x by 1 node. save() writes it as .svg, .png or .dot>
    """
    return Drawing(picture_of(Run(output, gradient, fold)))
