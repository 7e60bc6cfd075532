"""`madi.draw`: what the pictures say, that nothing in them overlaps, and that they are the same every time."""

import sys
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import madi
import madi.functions as F
from madi.errors import ConfigurationError, FileError, ShapeError
from madi.graph.drawing.folding import Fold, find_folds
from madi.graph.drawing.placing import lay_out, spread
from madi.graph.drawing.scene import GRADIENT_COLOUR, VALUE_COLOUR, Box, Text, scene_of
from madi.graph.drawing.text import array_lines, number_text, text_width
from madi.graph.trace import computation_order


def named(value, name):
    return madi.Variable(np.asarray(value, dtype=float), name=name)


def apples():
    return named(100, "apple") * named(2, "count") * named(1.1, "tax")


def apples_and_oranges():
    return (named(100, "apple") * named(2, "apples") + named(150, "orange") * named(3, "oranges")) * named(1.1, "tax")


def parameters(i, inputs, outputs):
    weight = np.random.default_rng(i).normal(size=(inputs, outputs)) / inputs
    return madi.Parameter(weight, f"{i}.weight"), madi.Parameter(np.zeros(outputs), f"{i}.bias")


def mlp(*sizes):
    x = named(np.ones((4, sizes[0])), "x")
    for i, (inputs, outputs) in enumerate(pairwise(sizes[:-1])):
        x = F.relu(F.affine(x, *parameters(i, inputs, outputs)))
    return F.softmax_cross_entropy(F.affine(x, *parameters(99, sizes[-2], sizes[-1])), np.array([0, 1, 1, 0]))


def residual(blocks):
    x = F.relu(F.affine(named(np.ones((2, 3)), "x"), *parameters(0, 3, 3)))
    for i in range(blocks):
        inner = F.relu(F.affine(x, *parameters(2 * i + 1, 3, 3)))
        x = F.relu(F.affine(inner, *parameters(2 * i + 2, 3, 3)) + x)
    return F.sum(x)


def chain(length):
    x = named(1, "x")
    for _ in range(length):
        x = x * 1.0001
    return x


def tangle(length, seed=0):
    random = np.random.default_rng(seed)
    values = [named(i, f"v{i}") for i in range(5)]
    for _ in range(length):
        first, second = random.integers(max(0, len(values) - 12), len(values), size=2)
        values.append(values[first] + values[second])
    return sum(values[-12:], start=named(0, "start"))


def irregular(length):
    x = named(0.5, "x")
    for digit in np.random.default_rng(0).integers(5, size=length):
        x = (F.sigmoid, F.tanh, F.relu, F.identity, F.exp)[digit](x if digit < 4 else x * 0.01)
    return x


GRAPHS = {
    "apples": apples,
    "apples and oranges": apples_and_oranges,
    "sigmoid of four nodes": lambda: 1 / (F.exp(-named(0.5, "x")) + 1),
    "shared": lambda: chain(3) * named(2, "twice") ** 2,
    "mlp": lambda: mlp(3, 4, 4, 2),
    "deep mlp": lambda: mlp(*[4] * 16, 2),
    "residual": lambda: residual(6),
    "150 nodes": lambda: irregular(130),
    "tangle": lambda: tangle(40),
    **{f"tangle {seed}": lambda seed=seed: tangle(12 + seed, seed) for seed in range(1, 11)},
    "leaf": lambda: named(3, "x"),
    "small arrays": lambda: F.sum(named([[1, 2], [3, 4]], "x") @ named([[1, 2, 3], [4, 5, 6]], "W")),
}


def texts(drawing):
    return [element.text for element in ElementTree.fromstring(drawing.svg).iter() if element.tag.endswith("}text")]


def coloured(drawing, colour):
    elements = ElementTree.fromstring(drawing.svg).iter()
    found = [e.text for e in elements if e.tag.endswith("}text") and e.get("fill") == colour]
    return sorted(text for text in found if text not in ("value →", "← gradient"))


def test_the_apples_say_every_number_of_the_book():
    drawing = madi.draw(apples())
    assert coloured(drawing, VALUE_COLOUR) == sorted(["100", "2", "200", "1.1", "220"])
    assert coloured(drawing, GRADIENT_COLOUR) == sorted(["2.2", "110", "1.1", "200", "1"])
    assert texts(drawing).count("×") == 2
    assert {"apple", "count", "tax", "output"} <= set(texts(drawing))


def test_apples_and_oranges():
    drawing = madi.draw(apples_and_oranges())
    assert coloured(drawing, VALUE_COLOUR) == sorted(["100", "2", "150", "3", "200", "450", "650", "1.1", "715"])
    gradients = ["2.2", "110", "3.3", "165", "1.1", "1.1", "1.1", "650", "1"]
    assert coloured(drawing, GRADIENT_COLOUR) == sorted(gradients)


def test_drawing_writes_no_gradient():
    apple = named(100, "apple")
    madi.draw(apple * 2)
    assert apple.grad is None


def test_a_shared_value_shows_what_comes_back_along_each_edge_and_their_sum():
    t = named(2, "x") + named(3, "y")
    t.name = "t"
    drawing = madi.draw(t * t)
    assert "t = 5" in texts(drawing)
    assert coloured(drawing, GRADIENT_COLOUR) == sorted(["5", "5", "10", "10", "10", "1"])


def test_unlike_edges_of_a_shared_value():
    x = named(3, "x")
    drawing = madi.draw(x * 4.0 + x * x)
    assert coloured(drawing, GRADIENT_COLOUR) == sorted(["10", "4", "3", "3", "1", "1", "1"])


def test_large_arrays_are_told_by_shape_and_their_gradient_by_its_norm():
    drawing = madi.draw(F.sum(named(np.ones((3, 4)), "x")))
    assert coloured(drawing, VALUE_COLOUR) == ["(3, 4)", "12"]
    assert coloured(drawing, GRADIENT_COLOUR) == ["1", "norm 3.464"]


def test_a_gradient_can_be_given():
    y = named([1, 2], "x") * 3.0
    assert coloured(madi.draw(y, gradient=[10.0, 100.0]), GRADIENT_COLOUR) == ["[10, 100]", "[30, 300]"]
    with pytest.raises(ShapeError, match=r"backward\(gradient\): expected shape \(2,\), got \(3,\)"):
        madi.draw(y, gradient=np.ones(3))


def test_many_outputs_without_a_gradient_show_values_only():
    drawing = madi.draw(named([1, 2], "x") * 3.0)
    assert coloured(drawing, GRADIENT_COLOUR) == []
    assert "Values only: the output has shape (2,); gradient= gives it a start." in texts(drawing)


def test_a_node_without_backward_shows_values_only():
    class Forward(madi.Function):
        def forward(self, x):
            return 2 * x

    drawing = madi.draw(Forward()(named(3, "x")))
    assert coloured(drawing, VALUE_COLOUR) == ["3", "6"]
    assert "Values only: Forward defines no backward(self, ...)." in texts(drawing)


@pytest.mark.parametrize("name", GRAPHS)
def test_no_text_or_shape_overlaps_another(name):
    for fold in (False, True):
        drawing = madi.draw(GRAPHS[name](), fold=fold)
        scene = scene_of(drawing._picture, lay_out(drawing._picture))
        shapes = [mark for item in scene.items for mark in item.marks if isinstance(mark, Box) and item.kind != "frame"]
        labels = [mark for item in scene.items if item.kind in ("edge", "frame", "legend") for mark in item.marks]
        boxes = [(b.x, b.y, b.x + b.width, b.y + b.height) for b in shapes]
        boxes += [_extent(label) for label in labels if isinstance(label, Text)]
        for first, second in combinations(boxes, 2):
            assert not _overlap(first, second), (first, second)
        for left, top, right, bottom in boxes:
            assert left >= 0
            assert top >= 0
            assert right <= scene.width
            assert bottom <= scene.height


def _extent(text):
    width = text_width(text.text, text.size)
    left = text.x - width / 2 if text.anchor == "middle" else text.x
    return left, text.y - 0.45 * text.size, left + width, text.y + 0.45 * text.size


def _overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.mark.parametrize("name", GRAPHS)
def test_the_same_graph_gives_the_same_bytes(name):
    first, second = madi.draw(GRAPHS[name]()), madi.draw(GRAPHS[name]())
    assert first.svg == second.svg
    assert first.dot == second.dot


def test_long_graphs_run_on_in_numbered_rows():
    drawing = madi.draw(irregular(130), fold=False)
    root = ElementTree.fromstring(drawing.svg)
    assert float(root.get("width")) < 2300
    tags = [text for text in texts(drawing) if text == "1"]
    assert len(tags) >= 2


def test_a_stack_of_layers_is_drawn_once():
    output = mlp(4, 4, 4, 4, 4, 4, 2)
    assert find_folds(computation_order(output)) == [Fold(0, 2, 5)], "Affine-ReLU × 5, the one that reads x included"
    drawing = madi.draw(output, fold=True)
    assert "× 5" in texts(drawing)
    assert texts(drawing).count("ReLU") == 1
    assert texts(drawing).count("Affine") == 2
    assert "x" in texts(drawing)


def test_a_residual_block_is_drawn_once_beginning_with_its_layer():
    output = residual(6)
    (fold,) = find_folds(computation_order(output))
    assert fold == Fold(2, 5, 6)
    assert type(computation_order(output)[fold.start]).__name__ == "Affine"
    assert "× 6" in texts(madi.draw(output))


def test_small_graphs_are_not_folded_unasked():
    output = mlp(4, 4, 4, 4, 4, 2)
    assert not [text for text in texts(madi.draw(output)) if text.startswith("× ")]
    assert {f"{i}.weight" for i in range(4)} <= set(texts(madi.draw(output)))


def test_unlike_layers_are_not_folded():
    assert find_folds(computation_order(mlp(8, 7, 6, 5, 4, 3, 2))) == []


def test_layers_that_share_a_parameter_fold_and_keep_it_outside():
    weight, bias = parameters(0, 3, 3)
    x = named(np.ones((2, 3)), "x")
    for _ in range(10):
        x = F.tanh(F.affine(x, weight, bias))
    drawing = madi.draw(F.sum(x), fold=True)
    assert [text for text in texts(drawing) if text.startswith("× ")] == ["× 9"]
    assert texts(drawing).count("0.weight") == 1


def test_a_folded_block_returns_the_sum_over_its_rounds_to_what_they_share():
    x, w = named(1, "x"), named(2, "w")
    output = x
    for _ in range(10):
        output = output * w  # the first round stands alone: it reads x, and w for the first time
    drawing = madi.draw(output, fold=True)
    assert "× 9" in texts(drawing)
    # output = x w^10: w's gradient is 10 w^9 = 5120, of which each of the ten rounds returns w^9 = 512
    assert coloured(drawing, GRADIENT_COLOUR) == sorted(["1", "1024", "512", "5120", "512", "4608"])


def test_what_leaves_a_fold_is_the_last_round():
    drawing = madi.draw(chain(30))
    assert "× 30" in texts(drawing)
    assert coloured(drawing, VALUE_COLOUR) == ["1", number_text(1.0001**30)]


def test_twenty_thousand_nodes_fold():
    assert "× 20,000" in texts(madi.draw(chain(20_000)))


def test_thousands_of_irregular_nodes_are_cut_and_the_drawing_says_so():
    drawing = madi.draw(irregular(3000), fold=False)
    notice = [text for text in texts(drawing) if text.startswith("The last 300 of ")]
    assert len(notice) == 1
    assert notice[0].endswith("nodes; the earlier ones (…) are not drawn.")
    assert "…" in texts(drawing)


def test_a_node_of_many_inputs_names_some_and_counts_the_rest():
    drawing = madi.draw(F.sum(F.concatenate([named([1, 2], f"x{i}") for i in range(500)])))
    assert "… 476 more" in texts(drawing)


def test_names_are_escaped():
    drawing = madi.draw(named(1, '<script>"&\\') * 2.0)
    assert "<script>" not in drawing.svg
    assert '<script>"&\\' in texts(drawing)
    assert 'label="<script>\\"&\\\\"' in drawing.dot


def test_control_characters_and_endless_names_are_tamed():
    drawing = madi.draw(named(1, "a\nb\x00" + "c" * 100) * 2.0)
    assert "a b " + "c" * 19 + "…" in texts(drawing)


def test_korean_names(tmp_path):
    path = madi.draw(named(100, "사과") * named(2, "개수")).save(tmp_path / "사과 그래프.png")
    assert path.stat().st_size > 1000


def test_saving(tmp_path):
    drawing = madi.draw(apples())
    for suffix in ("svg", "png", "dot"):
        assert drawing.save(tmp_path / f"graph.{suffix}") == tmp_path / f"graph.{suffix}"
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8") == drawing.svg
    assert (tmp_path / "graph.dot").read_text(encoding="utf-8") == drawing.dot
    root = ElementTree.fromstring(drawing.svg)
    with Image.open(tmp_path / "graph.png") as image:
        size = [2 * float(root.get("width")), 2 * float(root.get("height"))]
        np.testing.assert_allclose(image.size, size, atol=1.5)
        colours = {colour for _, colour in image.convert("RGB").getcolors(maxcolors=100_000)}
    assert {(0x1B, 0x7F, 0xC4), (0xD5, 0x5E, 0x00), (255, 255, 255)} <= colours


def test_png_leaves_pyplot_alone(tmp_path):
    before = set(sys.modules)
    madi.draw(apples()).save(tmp_path / "graph.png")
    assert "matplotlib.pyplot" not in set(sys.modules) - before


def test_an_unknown_suffix(tmp_path):
    message = r"^Drawing\.save: expected a file name that ends in \.svg, \.png or \.dot, got 'graph\.jpg'\.$"
    with pytest.raises(ConfigurationError, match=message):
        madi.draw(apples()).save(tmp_path / "graph.jpg")


@pytest.mark.parametrize("suffix", ["svg", "png", "dot"])
def test_a_folder_that_is_not_there(tmp_path, suffix):
    with pytest.raises(FileError, match=r"^Drawing\.save: cannot write .*No such file or directory\.$"):
        madi.draw(apples()).save(tmp_path / "nowhere" / f"graph.{suffix}")


def test_notebooks_show_it():
    drawing = madi.draw(apples())
    assert drawing._repr_svg_() == drawing.svg
    assert drawing.svg in drawing._repr_html_()


def test_it_tells_itself_to_those_who_cannot_see_it():
    root = ElementTree.fromstring(madi.draw(apples()).svg)
    title, description = list(root)[:2]
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert title.text == "Computational graph"
    assert description.text == "The output = 220 is computed from apple, count, tax by 2 nodes."


def test_operations_carry_the_step_of_the_trace_and_their_equations():
    output = apples_and_oranges()
    root = ElementTree.fromstring(madi.draw(output).svg)
    groups = {e.get("data-step"): e for e in root.iter() if e.get("data-step") is not None}
    assert sorted(groups, key=int) == ["0", "1", "2", "3"]
    for step in madi.trace(output):
        tip = groups[str(step.index)][0].text
        assert tip.splitlines()[0] == f"step {step.index}: {step.kind} → ()"
        assert f"forward {step.forward}" in tip


def test_edges_carry_the_steps_at_their_ends():
    x = named(3.0, "x")
    raised = x * 2.0
    root = ElementTree.fromstring(madi.draw(raised * raised).svg)
    ends = [
        (group.get("class"), group.get("data-from"), group.get("data-to"))
        for group in root.iter()
        if group.get("data-to") is not None
    ]
    both = [("", "0"), ("0", "1 1"), ("0", "1"), ("0", "1"), ("1", "")]  # a branch leads to all who read its value
    assert sorted(ends) == sorted([
        *(("madi-edge", *pair) for pair in [*both, ("", "0")]), *(("madi-return", *pair) for pair in both)
    ])  # fmt: skip


def test_a_graph_that_jax_is_tracing_shows_shapes():
    seen = []

    @jax.jit
    def compiled(x):
        output = F.sum(madi.Variable(x, name="x") * 2.0)
        seen.append(madi.draw(output))
        return output.value

    compiled(jnp.ones(3))
    assert "(3,)" in coloured(seen[0], VALUE_COLOUR)


def test_graphs_without_gradients():
    with madi.no_grad():
        output = named(2, "x") * 3.0
    assert "6" in texts(madi.draw(output))


def test_spread_keeps_order_and_gaps():
    heights = spread([5.0, 5.0, 0.0], [3.0, 4.0], [1.0, 1.0, 2.0])
    assert np.all(np.diff(heights) >= np.array([3.0, 4.0]) - 1e-12)
    # pooled: offsets 0, 3, 7; wanted less offsets 5, 2, -7 violate the order and become their weighted mean -1.75
    np.testing.assert_allclose(heights, [-1.75, 1.25, 5.25])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(715.0000000000001), ["715"]),
        (np.array([0.1, 2.0]), ["[0.1, 2]"]),
        (np.array([[1, 2], [3, 4]]), ["[[1, 2]", " [3, 4]]"]),
        (np.array([[1.0, 2.0]]), ["[[1, 2]]"]),
        (np.arange(7), ["(7,)"]),
        (np.zeros((4, 1)), ["(4, 1)"]),
        (np.zeros((1, 1, 1)), ["(1, 1, 1)"]),
        (np.zeros(0), ["(0,)"]),
        (np.array(True), ["1"]),
        (np.array(np.nan), ["nan"]),
    ],
)
def test_arrays_as_text(value, expected):
    assert array_lines(value) == expected


def test_without_its_legend_a_drawing_is_as_wide_and_less_high():
    drawing = madi.draw(madi.Variable(3.0, name="x") * 2)
    bare = drawing.without_legend()
    assert ("gradient" in drawing.svg, "gradient" in bare.svg) == (True, False)
    assert bare.size[0] == drawing.size[0]
    assert bare.size[1] < drawing.size[1]
    assert bare.dot == drawing.dot
