"""madi serve: trained models over HTTP."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from madi.cli import INTERRUPTED
from madi.cli.console import notice, say

TOKEN = "MADI_TOKEN"
MEBIBYTE = 2**20


def serve(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="Folders of runs, model files, .onnx files; NAME=PATH names one, NAME/VERSION=PATH a version of it.",
            show_default=False,
        ),
    ],
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; any but this machine's own demands a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            help=f"What every request must carry as a bearer. [${TOKEN}, which other users cannot see]",
            show_default=False,
        ),
    ] = None,
    max_batch: Annotated[int, typer.Option(help="Examples of the largest batch.", min=1, max=65536)] = 64,
    max_delay: Annotated[
        float, typer.Option(metavar="MS", help="Milliseconds that a batch waits to be filled.", min=0, max=10_000)
    ] = 0.0,
    queue: Annotated[
        int, typer.Option(help="Requests that may wait for each model; more get a 503.", min=1, max=1_000_000)
    ] = 256,
    max_body: Annotated[
        float, typer.Option(metavar="MIB", help="Largest body of a request.", min=0.001, max=1024)
    ] = 16,
) -> None:
    """Serve trained models: the Open Inference Protocol (version 2, JSON), and rows or pictures by a plainer route.

    /v2/health/live answers at once, /v2/health/ready when every model has been read and compiled. Requests that wait
    are answered together. SIGTERM finishes what is in flight, SIGHUP reads the models' files anew. The routes, with
    an example for each model, are told at /docs.

    \b
    Examples:
      madi serve runs/digits-mlp-20260101-120000
      madi serve digits=runs/digits-mlp-20260101-120000 houses=houses.onnx --port 9000
      madi serve digits/1=old.safetensors digits/2=new.safetensors --max-batch 32 --max-delay 2
      MADI_TOKEN=... madi serve model.safetensors --host 0.0.0.0
      curl -H 'Content-Type: image/png' --data-binary @three.png http://127.0.0.1:8000/predict/digits
    """
    from madi.cli.running import installed_version
    from madi.runs.loading import find_model
    from madi.serving import Settings, at_work, run, sources
    from madi.serving.batching import Batching

    batching = Batching(most=max_batch, delay=max_delay / 1000, queue=queue)
    token = token if token is not None else os.environ.get(TOKEN) or None
    body = int(max_body * MEBIBYTE)
    settings = Settings(host, port, token, batching, body, installed_version())
    wanted = sources(models)

    addresses: list[str] = []

    def listening(address: str) -> None:
        addresses.append(address)
        say(f"loading  {address}   {address}/v2/health/ready tells when the models answer")

    def ready() -> None:
        address = addresses[0]
        for source in wanted:
            say(f"model    {address}/v2/models/{source.name}/versions/{source.version}   {source.path}")
        say(f"serving  {address}   {address}/docs tells the rest")

    with _left_at_once(at_work):
        run(wanted, find_model, settings, listening=listening, ready=ready, told=notice)


@contextmanager
def _left_at_once(at_work: Callable[[], bool]) -> Iterator[None]:
    """End the process after the block where threads are still at work, for its own end would wait for them or abort."""
    code = 0
    try:
        yield
    except KeyboardInterrupt:
        if not at_work():
            raise
        code = INTERRUPTED
        notice("madi: interrupted.")
    if at_work():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
