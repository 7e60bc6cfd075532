"""Options of every command that writes the folder of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from madi.config import RUN

Output = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Of the run. [runs/<dataset>-<model>-<time>]", show_default=False, rich_help_panel=RUN
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Write over the run that is in --output.", rich_help_panel=RUN)
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print nothing but the folder of the run.", rich_help_panel=RUN)
]
