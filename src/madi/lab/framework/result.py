"""What a run of an experiment gives: its data, what they show, its figure; in a notebook and as files."""

from __future__ import annotations

import base64
import datetime
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madi.errors import FileError
from madi.lab.framework.figures import inline, png_of, settled, svg_of
from madi.lab.framework.records import Shapes, from_plain, json_text, to_plain
from madi.lab.framework.style import styled

if TYPE_CHECKING:
    from madi.lab.framework.experiment import Experiment

Data = dict[str, Any]
PACKAGES = ("madi", "numpy", "jax", "matplotlib")
LARGE = 300_000  # characters of an SVG: from here on a page shows the PNG


@dataclass(frozen=True)
class Origin:
    """When, on what and with what a result was computed."""

    date: str
    machine: str
    versions: dict[str, str]

    @classmethod
    def here(cls) -> Origin:
        """Today, on this machine."""
        import jax

        device = jax.devices()[0].device_kind
        machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {device}"
        versions = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
        return cls(datetime.date.today().isoformat(), machine, versions)


@dataclass(frozen=True)
class Result:
    """What a run gives: the parameters it had, the data, what they show, and how long it took.

    claims      each thing that the page claims, as a sentence with its numbers, and whether these data show it
    figure      matplotlib's, or a drawing of a graph
    recorded    whether it was computed earlier, as `origin` says, and only read now

    Last in a notebook's cell it shows itself; `save` writes it.
    """

    experiment: Experiment
    parameters: dict[str, Any]
    data: Data
    seconds: float
    origin: Origin
    quick: bool = False
    recorded: bool = False

    @cached_property
    def claims(self) -> dict[str, bool]:
        """What the page claims, each as a sentence with its numbers, and whether these data show it."""
        return {claim: bool(shown) for claim, shown in self.experiment.module.claims(self.data).items()}

    @cached_property
    def figure(self) -> Any:
        """The figure of these data: matplotlib's, or a drawing of a graph."""
        with styled():
            return settled(self.experiment.module.draw(self.data))

    @property
    def confirmed(self) -> int:
        """How many of the claims these data show."""
        return sum(self.claims.values())

    @property
    def notice(self) -> str | None:
        """What is unusual about the images that it ran on."""
        images = self.data.get("images")
        return images.get("notice") if isinstance(images, Mapping) else None

    @cached_property
    def svg(self) -> str:
        """The figure as SVG: the same text for the same data."""
        return svg_of(self.figure)

    @cached_property
    def png(self) -> bytes:
        """The figure as PNG: the same bytes for the same data."""
        return png_of(self.figure)

    @property
    def command(self) -> str:
        """The command line that gives these data again."""
        options = [self.experiment.parameters[name].option(value) for name, value in self._changed().items()]
        anew = ["--anew"] if self.experiment.long and not self.recorded else []
        return " ".join(["madi lab run", self.experiment.name, *(["--quick"] if self.quick else []), *anew, *options])

    @property
    def call(self) -> str:
        """The call in Python that gives these data again."""
        switches = {"quick": self.quick, "anew": self.experiment.long and not self.recorded}
        given = {**{name: True for name, on in switches.items() if on}, **self._changed()}
        arguments = [_literal(self.experiment.name), *(f"{name}={_literal(value)}" for name, value in given.items())]
        return f"madi.lab.run({', '.join(arguments)})"

    def _changed(self) -> dict[str, Any]:
        """The parameters that were given, and differ from what they would have been."""
        usual = self.parameters if self.recorded else self.experiment.values({}, quick=self.quick)
        return {name: value for name, value in self.parameters.items() if value != usual[name]}

    def picture(self) -> str:
        """The figure as it stands within HTML: its SVG, or its PNG where that is large."""
        from html import escape

        title = escape(self.experiment.title)
        if len(self.svg) <= LARGE:
            return inline(self.svg, title)
        return f'<img alt="{title}" src="data:image/png;base64,{base64.b64encode(self.png).decode()}">'

    def to_json(self) -> str:
        """All of it but the figure as JSON: `Result.from_json` reads it."""
        shapes: Shapes = {}
        data = to_plain(self.data, shapes)
        about = {"title": self.experiment.title, "rows": list(self.experiment.rows), "parameters": self.parameters}
        run = {"quick": self.quick, "seconds": round(self.seconds, 3), **asdict(self.origin)}
        shown = {"claims": self.claims, "data": data, "arrays": shapes}
        return json_text({"experiment": self.experiment.name, **about, **run, **shown}) + "\n"

    @classmethod
    def from_json(cls, experiment: Experiment, text: str) -> Result:
        """The result that `to_json` wrote, as a recorded one."""
        told = json.loads(text)
        values = experiment.values(told["parameters"], quick=False)
        origin = Origin(told["date"], told["machine"], told["versions"])
        data = from_plain(told["data"], told["arrays"])
        return cls(experiment, values, data, told["seconds"], origin, told["quick"], recorded=True)

    def save(self, directory: str | Path = ".") -> list[Path]:
        """Write NAME.html, NAME.png, NAME.svg and NAME.json into a folder, which is made; their paths.

        Raises FileError where they cannot be written.
        """
        from madi.lab.framework.page import page

        name, folder = self.experiment.name, Path(directory).expanduser()
        contents: dict[str, str | bytes] = {
            "html": page(self),
            "png": self.png,
            "svg": self.svg,
            "json": self.to_json(),
        }
        return write(folder, {f"{name}.{suffix}": content for suffix, content in contents.items()})

    def _repr_html_(self) -> str:
        from madi.lab.framework.page import excerpt

        return excerpt(self)

    def __repr__(self) -> str:
        return (
            f"<Result of {self.experiment.name}: {self.confirmed} of {len(self.claims)} claims shown, "
            f"{self.seconds:.1f} s. .data, .claims, .figure; save() writes it>"
        )


def _literal(value: Any) -> str:
    """A value as Python code, texts in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def write(folder: Path, contents: Mapping[str, str | bytes]) -> list[Path]:
    """Write files into a folder, which is made; their paths.  Raises FileError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise FileError(f"{folder}: cannot write there ({error.strerror or error}). Choose another folder.") from error
    return [folder / name for name in contents]
