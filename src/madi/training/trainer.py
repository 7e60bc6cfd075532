"""Trainer: fits a model to data, epoch after epoch, on either engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from madi import optimizers
from madi.datasets.dataset import Batches
from madi.errors import ConfigurationError, unknown_name
from madi.graph import Variable
from madi.kernels import random
from madi.layers import Layer
from madi.options import FRACTION, expect_number
from madi.training import losses, metrics
from madi.training.averaging import Underneath
from madi.training.callbacks import Callback, as_callbacks
from madi.training.checkpoints import Checkpoints, as_checkpoints, keeping_of
from madi.training.checks import check_model, check_targets, unbuilt_on_error
from madi.training.choice import quick_on_numpy
from madi.training.data import Examples, Shape, examples, gathered, inputs, is_table, split
from madi.training.engines import JaxEngine, NumPyEngine, over
from madi.training.history import History
from madi.training.interrupt import Interrupts
from madi.training.ownership import held_alone
from madi.training.prediction import evaluation_batch, predict
from madi.training.progress import progress_for
from madi.training.run import Run
from madi.training.settings import as_augmentation, as_metrics, as_precision, expect_whole, floating
from madi.training.step import Step
from madi.training.streams import StreamedExamples, first_of_all, pieces

ENGINES = ("auto", "jax", "numpy")


class Trainer:
    """Trains a model: forward, backward, update, for every batch of every epoch.

    model       a madi layer, built or not
    optimizer   one of madi.optimizers, or its name
    loss        a name ("softmax_cross_entropy", ...) or a function (prediction, target) -> Variable
    metrics     names ("accuracy", ...) or functions (targets, outputs) -> number, called with all of them at once
    engine      "jax": many steps in one compiled call; "numpy": the same step uncompiled; "auto": by the job's size
    seed        of the first weights, the order of the examples and dropout
    order_seed  of the order of the examples, and of a share of them kept out for validation, where that is another
    dtype       of weights and data: "float32", or "float64"

    augmentation      functions (x, key) -> x of the same shape, applied in turn to each batch inside the step, in
                      training only; a text such as "crop:4" is one of madi.training.augmentation.  Each draws from a
                      key of its own: dropout draws what it would without them
    label_smoothing   s: each target t becomes (1 - s) t + s / classes (Szegedy et al., 2016), for softmax_cross_entropy
                      and functions with an option of that name.  The losses of training and of validation are both
                      the smoothed one, so that they can be compared; metrics see the true targets
    average           decay of a moving average of the weights and running statistics, such as 0.999, or None.
                      After update t it becomes d average + (1 - d) weights, d = min(average, (1 + t) / (10 + t)).
                      Validation, callbacks and the model after a fit have the averaged weights; training itself, and a
                      later fit, go on from the others.  See madi.training.averaging
    precision         of activations: "bfloat16", for hardware that is fast in it, or None, as dtype.  Weights, losses
                      and the statistics of normalization stay float32.  On the JAX engine alone.  See
                      madi.training.precision

    >>> from madi.layers import Dense
    >>> trainer = Trainer(Dense(1), optimizer=optimizers.SGD(0.1), loss="mean_squared_error", engine="numpy")
    >>> x = np.linspace(0, 1, 20).reshape(20, 1)
    >>> history = trainer.fit((x, 2 * x + 1), epochs=50, batch_size=5, verbose=0)
    >>> history["loss"][-1] < 0.01 * history["loss"][0]
    True
    """

    def __init__(
        self, model: Layer, *, optimizer: Any = "sgd", loss: Any = "softmax_cross_entropy", metrics: Sequence[Any] = (),
        engine: str = "auto", seed: int = 0, dtype: Any = "float32", augmentation: Sequence[Any] = (),
        label_smoothing: float = 0.0, average: float | None = None, precision: str | None = None,
        order_seed: int | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(model, Layer):
            raise ConfigurationError(
                f"Trainer: expected a madi layer such as Sequential(...), got {type(model).__name__}."
            )
        if engine not in ENGINES:
            raise unknown_name("engine", engine, ENGINES)
        self.model, self.seed, self.order_seed, self.dtype = model, seed, order_seed, floating(dtype)
        if isinstance(optimizer, type):
            raise ConfigurationError(f"optimizer: got the class {optimizer.__name__}; call it: {optimizer.__name__}().")
        self.optimizer = optimizers.get(optimizer)
        self.loss, self.label_smoothing = losses.get(loss), label_smoothing
        self.loss.smoothed(label_smoothing)
        self.metrics = as_metrics(metrics, self.loss)
        self.precision = as_precision(precision, dtype=self.dtype, engine=engine)
        self.augmentation = as_augmentation(augmentation)
        self.average = None if average is None else expect_number("average", average, FRACTION, fix="Try 0.999.")
        self.engine_name = engine
        self.history = History()
        self.interrupted = False
        self._progress, self._called = progress_for(0), ""
        self._signals = Interrupts()  # of the fit in flight, or the last
        self._signals_of_all: Interrupts | None = None  # where it is fitted with others: see `as_one`
        self._engines: dict[str, Any] = {}
        self._first_values: dict[str, Any] | None = None
        self._begin()

    def __copy__(self) -> Trainer:
        """A trainer of the same model that goes on from here on its own: a fit writes over the optimizer's state."""
        made = object.__new__(type(self))
        vars(made).update(vars(self), _optimizer_state=over(self._optimizer_state, np.array))
        made._called, made._signals_of_all = "", None
        return made

    def _begin(self) -> None:
        self.key = random.key(self.seed)
        self.order = self.key if self.order_seed is None else random.key(self.order_seed)
        self.epoch = self.step = 0
        self._optimizer_state: dict[str, Any] | None = None
        self._underneath: Underneath | None = None
        self._stop_reason: str | None = None

    # ---- the calls of the public interface

    def fit(
        self, data: Any, *, validation: Any = None, epochs: int = 1, batch_size: int = 100,
        callbacks: Sequence[Callback | Callable[..., None]] = (), sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None, accumulate: int = 1, verbose: int = 1,
        checkpoints: Checkpoints | str | Path | None = None, resume: bool = False,
    ) -> History:  # fmt: skip
        """Train for `epochs` more epochs; a second call goes on from where the first stopped.

        Where weights are averaged, the model then holds the averages; a second call goes on from the weights beneath
        them, unless something else has been put into the model since.

        data            arrays (x, y), or any iterable of batches (x, y), gone through once an epoch and read ahead
        validation      data to measure on after each epoch; or a share such as 0.2 of the arrays, kept out of training
        batch_size      examples a step; a last batch may be smaller
        callbacks       madi.training.Callback objects, or functions of (epoch, values)
        sample_weight   a weight for each example (N,), as many times as which it counts; class_weight {label: weight}
                        multiplies it
        accumulate      batches an update: their gradients are averaged, by the weights of their examples, and one
                        update follows on each group of so many; the last group of an epoch may be smaller.  Steps,
                        the learning rate's schedule and the history count updates.  For a loss that is a mean over
                        examples this is a batch `accumulate` times as large in the memory of a small one, but for what
                        looks at a batch as a whole: batch norm's statistics are those of each small batch, and its
                        running ones move with each
        verbose         1: a progress bar; 2: one line an epoch; 0: silent
        checkpoints     a folder, or Checkpoints(folder, every=10, about=...): the fit can be taken up again after
                        whatever has ended it.  Where one cannot be written, the history's notices say so
        resume          go on from the newest checkpoint of the folder, where there is one, up to the `epochs` that the
                        fit was begun with; one that has ended gives its result at once.  See madi.training.checkpoints

        Returns the history of all fits.  Ctrl-C ends the fit after the call in flight, with the weights so far.
        Raises DataError, ShapeError, ConfigurationError before anything is trained; so with checkpoints where another
        fit holds the folder, where it holds a fit that has not ended and `resume` is not asked for, or where what was
        given then was another; FileError where it cannot be written to, or nothing in it can be read.  DivergenceError
        when a loss or weight is no longer finite: the model then holds the last finite weights.
        """
        expect_whole("fit: epochs", epochs, least=0)
        expect_whole("fit: batch_size", batch_size)
        expect_whole("fit: accumulate", accumulate)
        chosen = as_callbacks(callbacks)
        kept = keeping_of(as_checkpoints(checkpoints, resume=resume), resume=resume)
        training, held_out = self._datasets(data, validation, sample_weight, class_weight, batch_size)
        self._progress = progress_for(verbose, self._called)
        Run(self, training, held_out, epochs, batch_size, chosen, accumulate, kept).go()
        return self.history

    def evaluate(self, data: Any, *, batch_size: int | None = None, sample_weight: Any = None) -> dict[str, float]:
        """Loss and metrics on arrays (x, y), or an iterable of batches, in inference: {"loss": ..., "accuracy": ...}.

        Raises what `fit` raises for data that do not fit the model.
        """
        if batch_size is not None:
            expect_whole("evaluate: batch_size", batch_size)
        found = self._measured_on(data, "evaluate", sample_weight=sample_weight)
        engine = self._engine(len(found), 1)
        variables = engine.share({"parameters": self._values(), "statistics": self._statistics()})
        step, shared = self._step(first_of_all(found)), self._shared(engine, found)
        return self._evaluate(engine, step, variables, found, shared, batch_size)

    def reset(self) -> None:
        """Start anew: the first weights, no optimizer state, an empty history."""
        if self._first_values is not None:
            self._write({path: np.array(value) for path, value in self._fitting(self._first_values).items()})
        self.history = History()
        self._begin()

    # ---- what callbacks may use

    def stop(self, reason: str = "") -> None:
        """End the fit after this epoch."""
        self._stop_reason = reason or "a callback asked for it"

    def interrupt(self) -> None:
        """End the fit as Ctrl-C does, after the call in flight; also from another thread.

        In `fit_together` it is the fit of all that ends.
        """
        self._signals.pending = True

    def snapshot(self) -> dict[str, Any]:
        """A copy of the weights and running statistics as they are now."""
        return {path: np.array(value) for path, value in {**self._values(), **self._statistics()}.items()}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Put the weights and statistics of a snapshot into the model."""
        self._write(snapshot)

    # ---- how it is done

    def _datasets(self, data: Any, validation: Any, sample_weight: Any, class_weight: Any, batch_size: int) -> Any:
        if not is_table(data):
            if sample_weight is not None or class_weight is not None or isinstance(validation, float):
                raise ConfigurationError(
                    "fit: sample_weight, class_weight and a validation share need arrays (x, y), got an iterable of "
                    "batches. Let the iterable give (x, y, weight), and pass validation=(x, y)."
                )
            return data, None if validation is None else self._measured_on(validation, "validation")
        training = self._examples(
            data, "data", sample_weight=sample_weight, class_weight=class_weight, batch_size=batch_size
        )
        if isinstance(validation, float):
            return split(training, validation, self.order)
        return training, None if validation is None else self._measured_on(validation, "validation")

    def _measured_on(self, data: Any, where: str, *, sample_weight: Any = None) -> Examples | StreamedExamples:
        """All examples; those that are larger than memory stay where they are."""
        if not isinstance(data, Batches):
            return self._examples(data, where, sample_weight=sample_weight)
        if sample_weight is not None:
            raise ConfigurationError(f"{where}: sample_weight needs arrays (x, y), got batches. Leave it out.")
        known: dict[Shape, Shape] = {}
        return StreamedExamples(data, lambda batch: self._checked(batch, f"{where}: batch", known=known).copied())

    def _shared(self, engine: Any, found: Examples | StreamedExamples) -> Any:
        """Arrays on the engine; of what is larger than memory nothing."""
        return None if isinstance(found, StreamedExamples) else engine.share(found.arrays())

    def _examples(self, data: Any, where: str, **options: Any) -> Examples:
        """All examples of arrays, or of an iterable of batches, checked; those of weight 0 are left out."""
        table = data if is_table(data, where) else gathered(data, where)
        return self._checked(table, where, **options).counting()

    def _checked(
        self, data: Any, where: str, *, batch_size: int | None = None, known: dict[Shape, Shape] | None = None,
        **options: Any,
    ) -> Examples:  # fmt: skip
        """Arrays checked against model and loss.  The output's shape is taken from `known`, or traced and put there."""
        shape = inputs(data, where).shape
        batch = (min(batch_size or shape[0], shape[0]), *shape[1:])
        known = {} if known is None else known
        with unbuilt_on_error(self.model):
            if batch not in known:
                known[batch] = check_model(self.model, self.loss, batch, self.seed)
            found = examples(data, self.loss, known[batch], dtype=self.dtype, where=where, **options)
            check_targets(self.loss, known[batch], found.y.shape[1:], batch)
        if found.weight is not None:
            self.loss.expect_weights()
        return found

    def _remember_first_values(self, replaced: Collection[str]) -> None:
        """Keep what `reset` goes back to: copies, or the arrays themselves where they are about to be nobody's.

        replaced   paths of the parameters that the fit gives new arrays to, and that nobody writes into until then
        """
        if self._first_values is None:
            left = {path for path in replaced if held_alone(self.model.parameters()[path])}
            values = {**self._values(), **self._statistics()}
            self._first_values = {path: value if path in left else np.array(value) for path, value in values.items()}

    def _fitting(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Those whose shapes the model still has: a layer may have been replaced since."""
        now = {**self.model.parameters(), **self.model.state()}
        return {path: value for path, value in values.items() if path in now and now[path].shape == value.shape}

    def _engine(self, count: int, epochs: int, batch_size: int | None = 100, before: str | None = None) -> Any:
        """The engine of this job; "auto" takes NumPy for a job that ends before a compilation would.

        batch_size   None for a stream of batches, whose length nobody knows: then "auto" compiles
        before       the name of the one that the job was begun on, which "auto" keeps to
        """
        name = before or self.engine_name if self.engine_name == "auto" else self.engine_name
        if name == "auto":
            compiled = "jax" in self._engines or batch_size is None or self.precision is not None
            name = "jax" if compiled or not quick_on_numpy(self.model, count, epochs, batch_size or 1) else "numpy"
        if name not in self._engines:
            numpy = name == "numpy"
            self._engines[name] = NumPyEngine(dtype=self.dtype) if numpy else self._compiling_engine()
        return self._engines[name]

    def _compiling_engine(self) -> JaxEngine:
        return JaxEngine(dtype=self.dtype, announce=lambda busy: self._progress.compiling(busy))

    def _step(self, found: Examples | None = None) -> Step:
        """The pure functions of a step, for the model as it is now; without examples, one to be told apart by alone."""
        inside = [metric for metric in self.metrics if isinstance(metric, metrics.Metric)]
        decays = {path: parameter.decay for path, parameter in self.model.parameters().items()}
        return Step(
            self.model, self.loss.smoothed(self.label_smoothing), inside, self.optimizer, decays,
            [] if found is None else self._lengths(inside, found),
            augmentation=as_augmentation(self.augmentation), precision=self.precision,
        )  # fmt: skip

    def _lengths(self, inside: Sequence[metrics.Metric], found: Examples) -> list[int]:
        """How many sums each metric has; ConfigurationError where one, or the loss, does not fit model and data."""
        shape = (1, *self.model.output_shape(found.x.shape[1:]))
        outputs, target = np.zeros(shape, self.dtype), found.y[:1]
        with np.errstate(all="ignore"):
            self.loss.expect_number(Variable(outputs), target)
            return [metric.length(outputs, target) for metric in inside]

    def _evaluate(
        self, engine: Any, step: Step, variables: Any, found: Examples | StreamedExamples, shared: Any,
        batch_size: int | None,
    ) -> dict[str, float]:  # fmt: skip
        size = batch_size or evaluation_batch(first_of_all(found).x.shape[1:])
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # the loss says what came of it
            reports = [
                engine.evaluate(step, variables, arrays, min(len(arrays[0]), size), self._numbers())
                for arrays in ([shared] if shared else (engine.share(part.arrays()) for part in pieces(found)))
            ]
        return step.read(np.concatenate(reports)) | self._whole_values(engine, variables, found)

    def _whole_values(self, engine: Any, variables: Any, found: Examples | StreamedExamples) -> dict[str, float]:
        """Metrics that need all outputs at once."""
        whole = [metric for metric in self.metrics if isinstance(metric, metrics.Whole)]
        if not whole:
            return {}
        self._write({**engine.host(variables["parameters"]), **engine.host(variables["statistics"])})
        answers = [(part.y, predict(self.model, part.x, engine=engine.name)) for part in pieces(found)]
        targets, prediction = (np.concatenate(column) for column in zip(*answers, strict=True))
        return {metric.name: float(metric.function(targets, prediction)) for metric in whole}

    def _numbers(self) -> dict[str, Any]:
        found = {"layers": self.model.hyperparameters(), "optimizer": self.optimizer.numbers()}
        return found if self.average is None else found | {"average": self.average}

    def _values(self) -> dict[str, Any]:
        return {path: p.value.astype(self.dtype, copy=False) for path, p in self.model.parameters().items()}

    def _statistics(self) -> dict[str, Any]:
        return {path: np.asarray(value, self.dtype) for path, value in self.model.state().items()}

    def _write(self, values: Mapping[str, Any]) -> None:
        """Put weights and statistics, by path, into the model."""
        for path, parameter in self.model.parameters().items():
            parameter.value = values.get(path, parameter.value)
        for path, layer in self.model.walk():
            for name in layer.states:
                own = f"{path}.{name}" if path else name
                setattr(layer, name, values.get(own, getattr(layer, name)))
