"""What is saved comes back, and nothing else is read: wrong, broken and foreign files are refused by name."""

from __future__ import annotations

import os

import jax.numpy as jnp
import numpy as np
import pytest

from madi import initializers
from madi.errors import ConfigurationError, FileError, ShapeError, UnknownNameError
from madi.graph import Parameter
from madi.layers import (
    ACTIVATIONS,
    Dense,
    DropConnect,
    Dropout,
    Flatten,
    Layer,
    LeakyReLU,
    Maxout,
    ReLU,
    Sequential,
    architecture,
    load,
    read_metadata,
    register,
    registry,
    save,
)

X = np.random.default_rng(0).normal(size=(5, 2, 2)).astype(np.float32)


class Mine(Layer):
    """A user's layer: options of every kind, a running count, a layer from the constructor and one from build."""

    states = ("seen",)

    def __init__(self, width, *extra, act=None, sizes=(1, 2), table=None, start="he", **rest):
        self.inner = Dense(width, initializer=start)
        self.act = act or ReLU()
        self.sizes, self.extra, self.table, self.rest = sizes, extra, table, rest

    def build(self, shape, key):
        self.factor = Parameter(np.full(shape, 2, np.float32), decay=False)
        self.seen = np.zeros((), np.float32)
        self.late = Dense(3)

    def __call__(self, x):
        return self.late(self.act(self.inner(x * self.factor)))


def model():
    options = {"act": LeakyReLU(0.2), "table": {"a": [1, None, True], "b": float("inf")}, "name": "이름"}
    start = initializers.Xavier(distribution="uniform", gain=2)
    mine = Mine(np.int64(6), "more", sizes=(1, (2.5, 3)), start=start, **options)
    return Sequential(Flatten(), mine, Dropout(0.3), Sequential(Dense(4), ReLU())).build((2, 2), seed=1)


def values(layer):
    return {path: np.asarray(p.value) for path, p in layer.parameters().items()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "m.safetensors"


def round_trip(layer, path, **options):
    save(layer, path)
    return load(path, **options)


def assert_equal(one, other, x=X):
    assert list(one.parameters()) == list(other.parameters())
    for name, value in values(one).items():
        np.testing.assert_array_equal(values(other)[name], value)
        assert values(other)[name].dtype == value.dtype
    assert places(one) == places(other)
    np.testing.assert_array_equal(one(x).value, other(x).value)


def places(whole):
    return [(path, layer.path, layer.input_shape) for path, layer in whole.walk()]


# ---- what comes back


def test_a_model_comes_back_whole(path):
    one = model().freeze("1.inner")
    one[1].seen = np.float32(7)
    other = round_trip(one, path, layers=[Mine])
    assert_equal(one, other)
    flags = [{n: (p.trainable, p.decay) for n, p in m.parameters().items()} for m in (one, other)]
    assert flags[0] == flags[1]
    assert flags[0]["1.inner.weight"] == (False, True)
    assert flags[0]["1.factor"] == (True, False)
    assert other.state() == {"1.seen": np.float32(7)}
    assert other[1].inner.initializer == initializers.Xavier(distribution="uniform", gain=2)
    mine = other[1]
    assert (mine.sizes, mine.extra, mine.rest) == ((1, (2.5, 3)), ("more",), {"name": "이름"})
    assert mine.table == {"a": [1, None, True], "b": float("inf")}
    assert other.input_shape == (2, 2)


@pytest.mark.parametrize(
    "layer",
    [
        *ACTIVATIONS.values(),
        Flatten,
        Dropout,
        lambda: Dense(3, bias=False),
        lambda: DropConnect(3),
        lambda: Maxout(3, 2),
    ],
)
def test_every_layer_comes_back(layer, path):
    one = Sequential(layer()).build((4,))
    assert_equal(one, round_trip(one, path), X.reshape(5, 4))


def test_every_layer_of_madi_is_registered():
    def below(cls):
        return {cls} | {inner for one in cls.__subclasses__() for inner in below(one)}

    own = {cls for cls in below(Layer) if cls.__module__.startswith("madi.layers")} - {Layer}
    assert own == set(registry.LAYERS.values()) & own


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
def test_the_dtype_comes_back(dtype, library, path):
    one = Sequential(Dense(3)).build((4,))
    for parameter in one.parameters().values():
        value = parameter.value.astype(dtype)
        parameter.value = value if dtype == np.float64 else library.asarray(value)
    other = round_trip(one, path)
    assert {p.dtype for p in other.parameters().values()} == {np.dtype(dtype)}
    assert all(isinstance(p.value, np.ndarray) and p.value.flags.writeable for p in other.parameters().values())


def test_values_with_strides_come_back(path):
    one = Sequential(Dense(3)).build((4,))
    one[0].weight.value = np.arange(24, dtype=np.float32).reshape(3, 8)[:, ::2].T
    np.testing.assert_array_equal(round_trip(one, path)[0].weight.value, one[0].weight.value)


def test_what_has_changed_since_counts(path):
    one = Sequential(Dense(3), LeakyReLU(), Dropout(0.3), Dense(2)).build((4,))
    one.replace("3", Sequential(Dense(5), ReLU()))
    one[2].rate, one[1].slope = 0.1, 0.5
    other = round_trip(one, path)
    assert_equal(one, other, X.reshape(5, 4))
    assert (other[2].rate, other[1].slope, other[3][0].units) == (0.1, 0.5, 5)
    # the model, its four layers and two within: what was replaced is not in the file
    assert len(read_metadata(path).architecture["layers"]) == 7


def test_a_constructor_that_changes_its_arguments_does_so_once(path):
    class Percent(Layer):
        def __init__(self, rate):
            self.rate = rate / 100

        def __call__(self, x):
            return x * self.rate

    assert round_trip(Percent(50).build((4,)), path, layers=[Percent]).rate == 0.5


def test_shared_layers_and_parameters_stay_shared(path):
    shared, other = Dense(4), Dense(4)
    one = Sequential(Flatten(), shared, ReLU(), shared, other).build((2, 2))
    other.weight = shared.weight
    read = round_trip(one, path)
    assert read[1] is read[3]
    assert read[1].weight is read[4].weight
    assert_equal(one, read)


def test_a_model_of_ones_own_class(path):
    class Net(Sequential):
        def __init__(self):
            super().__init__(Dense(3), ReLU())

    one = Net().build((4,)).replace("1", Dense(2))
    other = round_trip(one, path, layers=[Net])
    assert_equal(one, other, X.reshape(5, 4))
    assert type(other) is Net


def test_loading_draws_no_weights(path, monkeypatch):
    save(model(), path)
    monkeypatch.setattr(initializers, "generator", None)
    load(path, layers=[Mine])


def test_extra_comes_back(path):
    extra = {"classes": ["고양이", "개"], "input_shape": [2, 2], "loss": None}
    save(model(), path, extra=extra)
    metadata = read_metadata(path)
    assert metadata.extra == extra
    assert metadata.format_version == 1
    assert metadata.architecture["layers"][-1]["class"] == "Sequential"


def test_other_programs_can_read_the_file(path):
    import safetensors

    save(model(), path)
    with safetensors.safe_open(path, framework="np") as file:
        assert file.metadata()["madi.format"] == "madi-model"
        assert sorted(file.keys()) == sorted([*values(model()), "1.seen"])
        np.testing.assert_array_equal(file.get_tensor("1.inner.weight"), values(model())["1.inner.weight"])


def test_a_registered_class_need_not_be_given(path, monkeypatch):
    monkeypatch.setattr(registry, "LAYERS", dict(registry.LAYERS))

    @register
    class Known(Layer):
        def __call__(self, x):
            return x

    assert type(round_trip(Known().build((4,)), path)) is Known


@pytest.mark.parametrize("name", ["Scale", "Dense"])
def test_a_class_of_ones_own_may_be_called_as_one_of_madis(name, path):
    own = local_class(name)
    one = Sequential(own(), ReLU()).build((4,))
    assert type(round_trip(one, path, layers=[own])[0]) is own
    message = rf"the layer {name} is not one of madi's\. Give its class: load\(path, layers=\[{name}\]\)\.$"
    with pytest.raises(UnknownNameError, match=message):
        load(path)


def test_a_file_from_before_madi_had_a_layer_of_that_name(path, monkeypatch):
    own = local_class("Scale")
    with monkeypatch.context() as patch:
        patch.setattr(architecture, "LAYERS", {})
        save(Sequential(own()).build((4,)), path)
    assert "given" not in read_metadata(path).architecture["layers"][0]
    assert type(load(path, layers=[own])[0]) is own


# ---- writing


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        save(model(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("name", ["모델 하나.safetensors", "m", "m.pt", "글" * 80])
def test_any_name_will_do(name, tmp_path):
    save(model(), tmp_path / name)
    assert_equal(model(), load(str(tmp_path / name), layers=[Mine]))
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_failed_write_leaves_the_old_file_and_no_other(path, monkeypatch):
    save(model(), path)
    before = path.read_bytes()

    def fail(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    message = f"Cannot write {path}: No space left on device. Choose a folder that exists and can be written."
    with pytest.raises(FileError) as raised:
        save(Sequential(Dense(3)).build((4,)), path)
    assert str(raised.value) == message
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("place", ["missing/m.st", "file/m.st", "folder"])
def test_where_nothing_can_be_written(place, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    reasons = {"missing/m.st": "No such file or directory", "file/m.st": "Not a directory", "folder": "Is a directory"}
    with pytest.raises(FileError) as raised:
        save(model(), tmp_path / place)
    fix = "Choose a folder that exists and can be written."
    assert str(raised.value) == f"Cannot write {tmp_path / place}: {reasons[place]}. {fix}"


class Strange(Layer):
    def __init__(self, value):
        self.value = value

    def __call__(self, x):
        return x


class MakesInBuild(Layer):
    def build(self, shape, key):
        self.blocks = [Dense(3)]

    def __call__(self, x):
        return self.blocks[0](x)


class MyStart(initializers.Initializer):
    def to_config(self):
        return {"name": "mystart"}


UNSAVABLE = (
    "cannot be saved. Arguments can be numbers, texts, lists, dictionaries, layers and madi's initializers: take a "
    "function by its name, for example."
)


def test_an_argument_that_cannot_be_saved_is_named(path):
    function = lambda x: x  # noqa: E731
    for value in (function, {1: 2}, {3}, np.ones(2), [function]):
        shown = function if isinstance(value, list) else value
        with pytest.raises(ConfigurationError) as raised:
            save(Sequential(ReLU(), Strange(value)).build((4,)), path)
        assert str(raised.value) == f"Strange '1': the argument value is {shown!r}, which {UNSAVABLE}"
    assert not path.exists()


def test_an_initializer_of_ones_own_is_named(path):
    start = object.__new__(MyStart)
    with pytest.raises(ConfigurationError) as raised:
        save(Sequential(Strange(start)).build((4,)), path)
    assert str(raised.value) == f"Strange '0': the argument value is {start!r}, which {UNSAVABLE}"


def local_class(name):
    return type(name, (Layer,), {"__call__": lambda self, x: x, "__qualname__": f"elsewhere.{name}"})


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Sequential(Dense(3)), ShapeError,
         "Sequential is not built yet: call build(shape of one example) first."),
        (lambda: Sequential(MakesInBuild()).build((4,)), ConfigurationError,
         "MakesInBuild: its constructor does not make 'blocks.0'. Make it in __init__."),
        (lambda: Sequential(Dense(3), local_class("Dense")()).build((4,)), ConfigurationError,
         "Two classes of layers are called Dense: madi.layers.dense.Dense and "
         f"{__name__}.elsewhere.Dense. A file could not tell them apart: rename one."),
    ],
)  # fmt: skip
def test_models_that_cannot_be_saved(make, error, message, path):
    with pytest.raises(error) as raised:
        save(make(), path)
    assert str(raised.value) == message
    assert not path.exists()


def test_extra_must_be_plain(path):
    with pytest.raises(ConfigurationError, match=r"^save: extra must be plain JSON values \(numbers, texts, lists\): "):
        save(model(), path, extra={"x": np.ones(2)})


def test_a_dtype_that_the_format_lacks(path):
    one = Sequential(Dense(3)).build((4,))
    one[0].bias.value = jnp.zeros(3, jnp.bfloat16)
    with pytest.raises(ConfigurationError, match=r"^'0.bias' is of dtype bfloat16, which cannot be saved\. Convert it"):
        save(one, path)


def test_an_option_must_be_of_a_known_kind():
    assert set(architecture.OPTIONS) == {"initializer"}


def test_the_names_of_the_classes_are_kept_with_the_model(tmp_path):
    model = Dense(2).build((3,))
    save(model, tmp_path / "plain.safetensors")
    assert load(tmp_path / "plain.safetensors").classes is None
    model.classes = ("참새", "crow")
    save(model, tmp_path / "named.safetensors")
    assert load(tmp_path / "named.safetensors").classes == ("참새", "crow")
    save(model, tmp_path / "given.safetensors", extra={"classes": ["a", "b"]})
    assert load(tmp_path / "given.safetensors").classes == ("a", "b")
