"""What all optimizers share: options, trees, dtypes, compiling once, JSON."""

import copy
import json
import math
import re
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from madi import optimizers, schedules
from madi.errors import ConfigurationError, ShapeError, UnknownNameError
from madi.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp
from madi.options import FINITE, option

EVERY = pytest.mark.parametrize("name", optimizers.TABLE)
DECAYS = {"0.weight": True, "0.bias": False}


def tree(library=np, dtype="float32"):
    return {"0.weight": library.ones((2, 3), dtype), "0.bias": library.ones(3, dtype)}


def one_update(optimizer, parameters, gradients, state=None, **changes):
    arguments = {"learning_rate": optimizer.rate_at(0), "numbers": optimizer.numbers(), "decays": DECAYS} | changes
    return optimizer.update(parameters, gradients, state or optimizer.init(parameters), **arguments)


def everything_on(name):
    """An optimizer with every structure that a step can have."""
    return optimizers.TABLE[name](0.1, weight_decay=0.1, clip_norm=1.0, clip_value=0.5, multipliers={"0": 0.5})


class TestTrees:
    @EVERY
    @pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
    def test_state_is_zeros_shaped_as_the_parameters(self, name, library):
        optimizer = optimizers.TABLE[name]()
        state = optimizer.init(tree(library))
        assert set(state) == {"step", *optimizer.slots}
        assert (state["step"].shape, state["step"].dtype, int(state["step"])) == ((), "int32", 0)
        for slot in optimizer.slots:
            for path, array in tree(library).items():
                assert type(state[slot][path]) is type(array)
                assert state[slot][path].dtype == array.dtype
                np.testing.assert_array_equal(state[slot][path], np.zeros(array.shape))

    @EVERY
    def test_nothing_is_changed_in_place(self, name):
        optimizer, parameters = everything_on(name), tree()
        gradients, state = tree(), optimizer.init(parameters)
        before = copy.deepcopy((parameters, gradients, state))
        one_update(optimizer, parameters, gradients, state)
        jax.tree.map(np.testing.assert_array_equal, (parameters, gradients, state), before)

    @EVERY
    @pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
    @pytest.mark.parametrize("dtype", ["float16", "float32"])
    def test_wide_numbers_do_not_widen_the_weights(self, name, library, dtype):
        """Neither Python floats, nor NumPy's float64 scalars, nor 0-d float64 arrays, in weights, slots or shapes."""
        optimizer = everything_on(name)
        for wide in (float, np.float64, np.array):
            numbers = {key: wide(value) for key, value in optimizer.numbers().items()}
            given = {**tree(library, dtype), "scale": library.ones((), dtype)}
            decays = DECAYS | {"scale": True}
            state = optimizer.init(given)
            result = one_update(optimizer, given, given, state, numbers=numbers, learning_rate=wide(0.1), decays=decays)
            for before, after in zip(jax.tree.leaves((given, state)), jax.tree.leaves(result), strict=True):
                assert (after.dtype, after.shape) == (before.dtype, before.shape)
                assert isinstance(after, np.ndarray if library is np else jax.Array)

    @EVERY
    def test_a_parameter_without_a_gradient_passes_through(self, name):
        optimizer, parameters = everything_on(name), tree()
        _, state = one_update(optimizer, parameters, tree())
        after, new_state = one_update(optimizer, parameters, {"0.bias": tree()["0.bias"]}, state)
        assert after["0.weight"] is parameters["0.weight"]
        assert not np.array_equal(after["0.bias"], parameters["0.bias"])
        assert list(after) == list(parameters)
        for slot in optimizer.slots:
            assert new_state[slot]["0.weight"] is state[slot]["0.weight"]

    @EVERY
    def test_the_step_is_counted(self, name):
        optimizer, parameters = optimizers.TABLE[name](), tree()
        state = optimizer.init(parameters)
        for step in (1, 2, 3):
            parameters, state = one_update(optimizer, parameters, tree(), state)
            assert state["step"] == step

    def test_gradient_of_another_shape(self):
        gradients = tree() | {"0.bias": np.ones(1, np.float32)}
        message = "gradient of '0.bias': expected shape (3), got (1,). A gradient is shaped as its parameter."
        with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
            one_update(SGD(0.1), tree(), gradients)

    def test_nothing_to_train(self):
        optimizer = Adam(0.1, clip_norm=1.0)
        parameters, state = one_update(optimizer, tree(), {})
        jax.tree.map(np.testing.assert_array_equal, parameters, tree())
        assert state["step"] == 1


class TestCompiledStep:
    @EVERY
    def test_other_numbers_do_not_compile_again(self, name):
        traces = []
        optimizer = everything_on(name)

        @jax.jit
        def update(parameters, state, rate, numbers):
            traces.append(name)
            return optimizer.update(parameters, parameters, state, learning_rate=rate, numbers=numbers, decays=DECAYS)

        parameters = tree(jnp)
        state = optimizer.init(parameters)
        first, state = update(parameters, state, 0.1, optimizer.numbers())
        second, _ = update(first, state, 0.2, {key: value / 2 for key, value in optimizer.numbers().items()})
        assert len(traces) == 1
        assert not np.array_equal(first["0.weight"], second["0.weight"])

    @EVERY
    def test_every_number_is_read(self, name):
        """Changing any one of them changes the weights after two steps, so none is frozen into the program."""
        optimizer = everything_on(name)
        optimizer.clip_value = 0.05  # so that the norm, too, is near its bound
        optimizer.clip_norm = 0.1

        def two_steps(numbers):
            parameters, state = tree(dtype="float64"), optimizer.init(tree(dtype="float64"))
            for factor in (1.0, 0.3):
                gradients = {
                    path: np.linspace(0.01, 0.06, x.size).reshape(x.shape) * factor for path, x in tree().items()
                }
                parameters, state = one_update(optimizer, parameters, gradients, state, numbers=numbers)
            return np.concatenate([x.ravel() for x in parameters.values()])

        numbers = optimizer.numbers()
        for key, value in numbers.items():
            changed = two_steps(numbers | {key: value / 2})
            assert not np.array_equal(changed, two_steps(numbers)), key

    @EVERY
    def test_runs_inside_a_compiled_loop_without_leaks(self, name):
        """State and weights keep their types, as a loop demands; the loop and NumPy end at the same weights."""
        optimizer = everything_on(name)

        def body(_, carry):
            return one_update(optimizer, carry[0], carry[0], carry[1])

        with jax.check_tracer_leaks():
            run = jax.jit(lambda parameters, state: jax.lax.fori_loop(0, 5, body, (parameters, state)))
            compiled, _ = run(tree(jnp), optimizer.init(tree(jnp)))
        plain = (tree(), optimizer.init(tree()))
        for step in range(5):
            plain = body(step, plain)
        for path, array in plain[0].items():
            np.testing.assert_allclose(compiled[path], array, rtol=1e-5)


class TestMultipliers:
    def test_longest_path_wins_and_names_are_whole(self):
        """ "1" covers "1.weight" but not "10.weight"."""
        optimizer = SGD(1.0, multipliers={"1": 0.5, "1.bias": 0.0})
        parameters = {path: np.zeros(1) for path in ("1.weight", "1.bias", "10.weight")}
        gradients = {path: np.ones(1) for path in parameters}
        after, _ = one_update(optimizer, parameters, gradients, decays=dict.fromkeys(parameters, False))
        assert {path: float(x[0]) for path, x in after.items()} == {"1.weight": -0.5, "1.bias": 0.0, "10.weight": -1.0}

    def test_the_decay_of_adamw_is_multiplied_too(self):
        # x (1 - r multiplier weight_decay) with no gradient: 1 - 0.1 * 0.5 * 0.2 = 0.99
        optimizer = AdamW(0.1, weight_decay=0.2, multipliers={"x": 0.5})
        after, _ = one_update(optimizer, {"x": np.ones(1)}, {"x": np.zeros(1)}, decays={"x": True})
        assert after["x"] == pytest.approx([0.99])

    @pytest.mark.parametrize(
        ("path", "hint"),
        [("0.wieght", "Did you mean '0.weight'?"), ("zzz", "See model.parameters() for the paths.")],
    )
    def test_unknown_path(self, path, hint):
        message = f"SGD: multipliers: no parameter lies under '{path}'. {hint}"
        with pytest.raises(UnknownNameError, match=f"^{re.escape(message)}$"):
            SGD(0.1, multipliers={path: 0.5}).init(tree())


class TestNumbers:
    def test_all_but_the_learning_rate(self):
        optimizer = Adam(0.1, clip_norm=2, multipliers={"0": 0.5})
        assert optimizer.numbers() == {
            "weight_decay": 0.0,
            "clip_norm": 2.0,
            "beta1": 0.9,
            "beta2": 0.999,
            "eps": 1e-8,
            "multiplier:0": 0.5,
        }
        assert all(type(value) is float for value in optimizer.numbers().values())

    def test_rate_of_a_number_a_schedule_and_a_function(self):
        assert SGD(0.1).rate_at(1000) == 0.1
        assert SGD(schedules.step_decay(1.0, 2, 0.5)).rate_at(3) == 0.5
        assert SGD(lambda step: np.float32(0.25) * step).rate_at(2) == 0.5


class TestOptions:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: SGD(0.0), "SGD: learning_rate must be a positive finite number, got 0.0. Try 0.1 for SGD."),
            (lambda: Adam(-1), "Adam: learning_rate must be a positive finite number, got -1. Try 0.001 for Adam."),
            (
                lambda: Momentum(math.nan),
                "Momentum: learning_rate must be a positive finite number, got nan. Try 0.01 for Momentum.",
            ),
            (
                lambda: RMSProp("0.1"),
                "RMSProp: learning_rate must be a positive finite number, got '0.1'. Try 0.01 for RMSProp.",
            ),
            (
                lambda: Nesterov(0.1, momentum=1.0),
                "Nesterov: momentum must be a number of at least 0 and below 1, got 1.0. Try 0.9.",
            ),
            (
                lambda: Adam(beta1=-0.1),
                "Adam: beta1 must be a number of at least 0 and below 1, got -0.1. Try 0.9.",
            ),
            (lambda: Adam(beta2=1), "Adam: beta2 must be a number of at least 0 and below 1, got 1. Try 0.999."),
            (
                lambda: RMSProp(alpha=2.0),
                "RMSProp: alpha must be a number of at least 0 and below 1, got 2.0. Try 0.99.",
            ),
            (lambda: AdaGrad(eps=0), "AdaGrad: eps must be a positive finite number, got 0. Try 1e-10."),
            (
                lambda: AdamW(weight_decay=-1),
                "AdamW: weight_decay must be a finite number of at least 0, got -1. Try 0.01, or 0 for none.",
            ),
            (
                lambda: SGD(weight_decay=None),
                "SGD: weight_decay must be a finite number of at least 0, got None. Try 1e-4, or 0 for none.",
            ),
            (
                lambda: SGD(clip_norm=0),
                "SGD: clip_norm must be a positive finite number, got 0. Try 1.0, or None for no clipping.",
            ),
            (
                lambda: SGD(clip_value=True),
                "SGD: clip_value must be a positive finite number, got True. Try 1.0, or None for no clipping.",
            ),
            (
                lambda: SGD(multipliers={"0": -1}),
                "SGD: multipliers['0'] must be a finite number of at least 0, got -1. 1 leaves the rate as it is.",
            ),
            (lambda: SGD(multipliers=0.1), 'SGD: multipliers must map paths to factors, got 0.1. Example: {"0": 0.1}.'),
            (
                lambda: Momentum(momentun=0.5),
                "Unknown option of Momentum 'momentun': did you mean 'momentum'? "
                "Known: clip_norm, clip_value, learning_rate, momentum, multipliers, weight_decay.",
            ),
        ],
    )
    def test_out_of_range(self, make, message):
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            make()

    def test_assignment_is_checked_again(self):
        optimizer = SGD(0.1)
        optimizer.learning_rate = np.float32(0.5)
        assert type(optimizer.learning_rate) is float
        message = "SGD: learning_rate must be a positive finite number, got 0. Try 0.1 for SGD."
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            optimizer.learning_rate = 0
        assert optimizer.learning_rate == 0.5

    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("learning_rte", "Did you mean 'learning_rate'?"),
            ("zzz", "It has learning_rate, weight_decay, clip_norm, clip_value, multipliers."),
        ],
    )
    def test_assignment_of_what_is_no_option(self, name, hint):
        with pytest.raises(ConfigurationError, match=f"^{re.escape(f'SGD has no option {name!r}. {hint}')}$"):
            setattr(SGD(0.1), name, 0.5)

    def test_beta_of_zero(self):
        """Adam without memory goes by the sign of the gradient."""
        optimizer = Adam(0.5, beta1=0.0, beta2=0.0, eps=1e-12)
        after, _ = one_update(optimizer, {"x": np.zeros(2)}, {"x": np.array([4.0, -0.1])}, decays={"x": False})
        assert after["x"] == pytest.approx([-0.5, 0.5])


class TestNames:
    @EVERY
    def test_every_name(self, name):
        assert optimizers.get(name) == optimizers.TABLE[name]()
        assert optimizers.get(name.upper(), 0.5) == optimizers.TABLE[name](0.5)

    def test_an_instance_stays(self):
        optimizer = Adam(0.5)
        assert optimizers.get(optimizer) is optimizer

    def test_two_rates(self):
        message = "learning_rate is given twice. Write Adam(learning_rate) alone."
        with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
            optimizers.get(Adam(0.5), 0.1)

    def test_unknown_name(self):
        message = (
            "Unknown optimizer 'adman': did you mean 'adam'? "
            "Known: adagrad, adam, adamw, momentum, nesterov, rmsprop, sgd."
        )
        with pytest.raises(UnknownNameError, match=f"^{re.escape(message)}$"):
            optimizers.get("adman")


class TestConfig:
    @EVERY
    @pytest.mark.parametrize(
        "rate", [0.25, schedules.warmup(5, schedules.cosine(0.25, 100))], ids=["number", "schedule"]
    )
    def test_there_and_back_through_json(self, name, rate):
        optimizer = everything_on(name)
        optimizer.learning_rate = rate
        restored = optimizers.from_config(json.loads(json.dumps(optimizer.to_config())))
        assert restored == optimizer
        assert type(restored) is type(optimizer)

    def test_a_function_cannot_be_written(self):
        message = (
            r"^SGD: learning_rate is the function .*, which cannot be written to a file. Use one of madi.schedules.$"
        )
        with pytest.raises(ConfigurationError, match=message):
            SGD(lambda step: 0.1).to_config()


class TestOwnOptimizer:
    def test_a_rule_in_a_few_lines(self):
        """Sign descent with a factor of its own, whose number travels into the step as all others do."""

        @dataclass(kw_only=True)
        class SignDescent(Optimizer):
            boost: float = option(FINITE, 2.0)

            def rule(self, x, gx, numbers):
                return (x - numbers.learning_rate * numbers.boost * np.sign(gx),)

        optimizer = SignDescent(0.1)
        after, _ = one_update(optimizer, {"x": np.zeros(2)}, {"x": np.array([4.0, -0.1])}, decays={"x": False})
        assert after["x"] == pytest.approx([-0.2, 0.2])
        assert optimizer.numbers() == {"weight_decay": 0.0, "boost": 2.0}

    def test_without_a_rule(self):
        with pytest.raises(NotImplementedError, match=r"^Optimizer: an optimizer defines rule"):
            one_update(Optimizer(0.1), tree(), tree())
