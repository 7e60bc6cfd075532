"""madi datasets: what there is to train on."""

from __future__ import annotations

from madi.cli.console import say, show, table


def datasets() -> None:
    """List the datasets: sizes, and where their files are.

    \b
    Examples:
      madi datasets
    """
    from madi.datasets import catalogue

    listed = catalogue()
    rows = [
        [
            entry.name,
            entry.kind,
            " x ".join(map(str, entry.shape)),
            f"{entry.train:,}",
            f"{entry.test:,}",
            str(len(entry.classes)),
            entry.source,
        ]
        for entry in listed
    ]
    columns = ["name", "kind", "shape", "training", "test", "classes", "files"]
    show(table(columns, rows, numbers=["training", "test", "classes"]))
    places = [f"{entry.name}: {entry.place}" for entry in listed if entry.place is not None]
    say()
    say("\n".join(["Files, and where a download puts them:", *(f"  {place}" for place in places)]))
