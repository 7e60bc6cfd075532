"""What a model's outputs are told as: tensors of the protocol, or predictions for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from madi.serving import wire
from madi.serving.batching import Outputs
from madi.serving.served import LABEL, OUTPUT, PREDICTION, PROBABILITIES, Served
from madi.serving.tensors import Port, tensor_entry
from madi.web.guard import Refusal

UNSPOKEN = ("classification", "shared_memory_region")  # of the protocol's extensions


@dataclass(frozen=True)
class Asked:
    """What a request of the protocol asks beside its inputs.

    outputs    that are to be told
    echoed     its id and its parameters, as they came
    """

    outputs: Sequence[Port]
    echoed: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, request: Mapping[str, Any], served: Served) -> Asked:
        """Refusal 400 for outputs that the model does not have, and for an id or parameters of another kind."""
        name, parameters = request.get("id", ""), request.get("parameters", {})
        if not isinstance(name, str) or not isinstance(parameters, dict):
            raise Refusal(400, 'Expected "id", where it is given, to be a text, and "parameters" an object.')
        echoed = {key: request[key] for key in ("id", "parameters") if key in request}
        if parameters:
            wire.expect_written(parameters)
        return cls(_chosen(request.get("outputs"), served.outputs), echoed)


def _chosen(wanted: Any, ports: Sequence[Port]) -> Sequence[Port]:
    if wanted is None or wanted == []:
        return ports
    known: dict[Any, Port] = {port.name: port for port in ports}
    entries: list[Any] = wanted if isinstance(wanted, list) else [None]
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in entries]
    if not all(isinstance(name, str) and name in known for name in names) or len(set(names)) < len(names):
        raise Refusal(400, f'Expected "outputs" among {", ".join(known)}, each once.')
    for entry in entries:
        _expect_spoken(entry.get("parameters"))
    return [known[name] for name in names]


def _expect_spoken(parameters: Any) -> None:
    """Refusal 400 for an output that is to come in another form than the protocol's JSON."""
    asked = [name for name in UNSPOKEN if isinstance(parameters, dict) and parameters.get(name)]
    if asked:
        raise Refusal(
            400, f"The parameter '{asked[0]}' of an output is not spoken. Leave it out, and ask for '{PROBABILITIES}'."
        )


def inference_of(served: Served, asked: Asked, outputs: Outputs) -> dict[str, Any]:
    """The protocol's answer."""
    told = [tensor_entry(port, _values(served, port.name, outputs)) for port in asked.outputs]
    return {
        "model_name": served.source.name, "model_version": served.source.version, **asked.echoed, "outputs": told
    }  # fmt: skip


def _values(served: Served, name: str, outputs: Outputs) -> np.ndarray:
    return served.labels(outputs[PROBABILITIES]) if name == LABEL else outputs[name]


def predictions_of(served: Served, notices: list[str], outputs: Outputs) -> dict[str, Any]:
    """The friendly route's answer."""
    source = served.source
    told = {"model": source.name, "version": source.version, "predictions": _predictions(served, outputs)}
    return {**told, "notices": notices} if notices else told


def _predictions(served: Served, outputs: Outputs) -> list[Any]:
    if served.classes:
        rows = outputs[PROBABILITIES].tolist()
        return [_of_classes(served.classes, row) for row in rows]
    if served.preparation is not None:
        return [dict(zip(served.preparation.target, row, strict=True)) for row in outputs[PREDICTION].tolist()]
    return [{OUTPUT: values.tolist()} for values in outputs[OUTPUT]]


def _of_classes(classes: Sequence[str], probabilities: list[float]) -> dict[str, Any]:
    best = max(range(len(classes)), key=probabilities.__getitem__)
    return {
        "class": classes[best],
        "probability": probabilities[best],
        "probabilities": dict(zip(classes, probabilities, strict=True)),
    }
