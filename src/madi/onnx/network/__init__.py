"""A graph as layers: what a file computes node by node becomes a network that can be taught, drawn and saved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from madi.layers import Layer, Sequential
from madi.layers.calling import name_parameters
from madi.onnx.about import extra_of
from madi.onnx.graph import LEFT_OUT, Graph, Node
from madi.onnx.network import steps  # noqa: F401  (fills the table)
from madi.onnx.network.beginning import Part, part_of, start_of
from madi.onnx.network.flow import IMAGE, Flow, arm_of
from madi.onnx.network.known import Known, computed, shape_of
from madi.onnx.network.rewriting import rewritten
from madi.onnx.network.table import Place, flow_of
from madi.onnx.refusal import Unsupported

DEEPEST = 50  # layers within layers


def to_model(graph: Graph, *, shape: Sequence[int] | None = None) -> Sequential:
    """The network of a graph as layers: built, with the graph's weights, its channels last.

    graph   with its constants computed
    shape   of one example as the file has it, where the file leaves sizes free: (3, 224, 224)

    Where the graph takes images channels first, (N, C, H, W), the model takes them channels last, (N, H, W, C), and so
    gives those that it makes.  A graph that takes them channels last, and turns them, is taken as it is; a Transpose
    between the two orders disappears.  Axes of size 1 that pooling leaves of an image are not there: (N, C, 1, 1) is
    (N, C).  Numbers become float32.

    Of several outputs the network ends at the one called "output", else at the first; where an export of madi prepares
    raw values, it begins at "features", behind that.

    Paths that fork and meet again become `Residual`, `Sum`, `Product` and `Branches`.  A vector that is added or
    multiplied becomes a bias, a scale or a shift that can be taught; a single number does not change in training.

    Raises Unsupported, with the node, for what cannot be said in layers: several inputs or whole numbers as input,
    weights that are computed, paths that cross, nodes that mix examples, and operators without a layer.
    """
    part = rewritten(part_of(graph), graph)
    start, count = start_of(part, shape)
    values = _Values(graph, part, start)
    for node in part.nodes:
        values.take(node, Place(node, graph.opset, count))
    model = _network(_end(values.flow(part.end), start, part), start)
    names = extra_of(graph.metadata, "the graph").get("classes")
    model.classes = None if names is None else tuple(map(str, names))
    return model


class _Values:
    """The values of a graph by name, as far as its nodes were taken."""

    def __init__(self, graph: Graph, part: Part, start: Flow) -> None:
        reads = [name for node in part.nodes if node.kind != "Shape" for name in node.inputs]
        self.uses = Counter([*reads, part.end])
        self.constants = graph.constants
        self.values: dict[str, Flow | Known] = {}
        self.enter(part.begin, start)

    def enter(self, name: str, value: Flow | Known) -> None:
        if isinstance(value, Flow):
            value.uses = self.uses[name]
        self.values[name] = value

    def take(self, node: Node, place: Place) -> None:
        """Enter what the node computes."""
        inputs = [self.value(name, node) for name in node.inputs]
        for name, value in zip(node.outputs, self.outputs(node, place, inputs), strict=False):
            self.enter(name, value)

    def outputs(self, node: Node, place: Place, inputs: list[Flow | Known | None]) -> Sequence[Flow | Known]:
        """What the node makes of these inputs."""
        known = [value for value in inputs if not isinstance(value, Flow)]
        if len(known) < len(inputs):
            first = inputs[0]
            shape = isinstance(first, Flow) and node.kind == "Shape"
            return [_shape(node, place, first)] if shape else [flow_of(place, inputs)]  # type: ignore[arg-type]
        found = computed(node, place.opset, known)
        if found is None:
            raise place.refusal("it does not depend on the input, and computes no shape.")
        return found

    def value(self, name: str, node: Node) -> Flow | Known | None:
        """What a node reads."""
        if name == LEFT_OUT:
            return None
        if name not in self.values and name in self.constants:
            self.values[name] = Known.of(self.constants[name])
        if name not in self.values:
            raise Unsupported(f"{node.label} cannot be said in madi's layers: no layer gives its input '{name}'.")
        return self.values[name]

    def flow(self, name: str) -> Flow:
        found = self.values.get(name)
        if not isinstance(found, Flow):
            raise Unsupported(f"The output '{name}' cannot be said in madi's layers: it does not depend on the input.")
        return found


def _shape(node: Node, place: Place, x: Flow) -> Known:
    """The sizes of a value, or some of them."""
    begin, end = node.attributes.get("start", 0), node.attributes.get("end")
    whole = shape_of(place.count, x.sizes)
    return Known(whole.array[begin:end], whole.other[begin:end])


def _end(flow: Flow, start: Flow, part: Part) -> Flow:
    """The network's answer: images channels last where the network turned those that it takes, else as in the file."""
    held = [axis for axis in flow.axes if axis is not None]
    turns_back = part.nodes[-1:] and part.nodes[-1].kind == "Transpose"
    turned = start.axes == IMAGE and len(flow.sizes) == 3 and not (turns_back and held == sorted(held))
    order = IMAGE if turned else range(len(flow.sizes))
    return flow if flow.rows is None and held == [axis for axis in order if axis in held] else flow.arranged(order)


def _network(end: Flow, start: Flow) -> Sequential:
    """The layers from start to end, as a built network."""
    source, layers = arm_of(end)
    if source is not start:
        raise Unsupported(
            f"{_crossing(source)} cannot be said in madi's layers: paths meet in it that do not fork at one value. "
            "`.run` computes it as it is."
        )
    model = Sequential(*layers)
    _expect_shallow(model)
    model.number_layers()
    model.ensure_built(start.shape)
    name_parameters(model)
    return model


def _crossing(flow: Flow) -> str:
    """The first merge on the way whose paths do not begin at one value."""
    while True:
        begins = [arm_of(source)[0] for source, _ in flow.arms]
        further = next((begin for begin in begins if begin.merge), None)
        if further is None:
            return flow.label or "The network"
        flow = further


def _expect_shallow(model: Layer) -> None:
    """Raise Unsupported for layers within layers deeper than any network has: each is a call within a call."""
    level: list[Layer] = [model]
    for _ in range(DEEPEST):
        level = [inner for layer in level for _, inner in layer.inner_layers()]
        if not level:
            return
    raise Unsupported(f"The graph cannot be said in madi's layers: paths lie within paths, more than {DEEPEST} deep.")
