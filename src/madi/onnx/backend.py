"""madi behind ONNX's own interface for programs that run its models (`onnx.backend.base`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, ValueInfoProto, helper
from onnx.backend import base

from madi.onnx.files import parsed
from madi.onnx.loaded import Loaded, load
from madi.onnx.refusal import Unsupported
from madi.onnx.table import NEWEST


class Prepared(base.BackendRep):
    """A model that was opened, asked by the order of its inputs instead of by their names."""

    def __init__(self, loaded: Loaded, engine: str) -> None:
        self.loaded, self.engine = loaded, engine

    def run(self, inputs: Any, **_: Any) -> tuple[np.ndarray, ...]:
        """The outputs, in the order of the graph's, of arrays in the order of its inputs, or by name."""
        if not isinstance(inputs, dict):
            inputs = dict(zip((port.name for port in self.loaded.inputs), inputs, strict=True))
        return tuple(self.loaded.run(inputs, engine=self.engine))


class Backend(base.Backend):
    """`onnx.backend.base.Backend`: models and single nodes, on the CPU.

    engine   as `Loaded.run` has it: "auto", "jax" or "numpy"
    """

    engine = "auto"

    @classmethod
    def is_compatible(cls, model: ModelProto, device: str = "CPU", **_: Any) -> bool:
        """Whether madi takes the model."""
        try:
            cls.prepare(model, device)
        except Unsupported:
            return False
        return True

    @classmethod
    def prepare(cls, model: ModelProto, device: str = "CPU", **_: Any) -> Prepared:
        """The model, opened; Unsupported for a device other than the CPU, and for what madi does not take."""
        if not cls.supports_device(device):
            raise Unsupported(f"madi.onnx.Backend: expected the device CPU, got {device}.")
        return Prepared(load(parsed(model.SerializeToString(), "the model")), cls.engine)

    @classmethod
    def run_model(cls, model: ModelProto, inputs: Any, device: str = "CPU", **options: Any) -> tuple[Any, ...]:
        """The model's outputs."""
        return cls.prepare(model, device, **options).run(inputs)

    @classmethod
    def run_node(
        cls, node: NodeProto, inputs: Any, device: str = "CPU",
        outputs_info: Sequence[tuple[Any, tuple[int, ...]]] | None = None, **options: Any,
    ) -> tuple[Any, ...]:  # fmt: skip
        """The outputs of one node, of the version `opset_version`: the newest that madi reads, if none is given."""
        arrays = [np.asarray(array) for array in inputs]
        ports = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in zip(filter(None, node.input), arrays, strict=True)
        ]
        graph = helper.make_graph([node], "node", ports, [ValueInfoProto(name=name) for name in node.output if name])
        opset = helper.make_opsetid("", options.get("opset_version", NEWEST))
        return cls.run_model(helper.make_model(graph, opset_imports=[opset]), arrays, device)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether it is the CPU."""
        return base.Device(device).type == base.DeviceType.CPU
