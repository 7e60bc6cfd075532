"""What the two estimators share: their options, a fit, and what a later fit goes on from."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from madi import optimizers
from madi.errors import ConfigurationError, DataError
from madi.estimators.network import built, own_network, perceptron
from madi.layers import Layer
from madi.optimizers import Optimizer
from madi.options import FRACTION, expect_count, expect_number
from madi.training import Trainer, predict
from madi.training.callbacks import EarlyStopping
from madi.training.engines import over
from madi.training.history import VALIDATION
from madi.training.settings import floating

LARGEST_SEED = 2**31 - 1


@dataclass(eq=False, repr=False)  # scikit-learn reads the options from the constructor that this makes
class NeuralNetwork(BaseEstimator):
    """The options that both have:

    hidden               units of each hidden layer; a number for one of them, () for none
    activation           after each hidden layer: a name in `madi.layers.ACTIVATIONS`
    dropout              rate of a Dropout after each hidden layer; 0 adds none
    batch_norm           whether a BatchNorm stands before each activation
    initializer          of all weights: a name or one of madi.initializers; None for He or Xavier by the activation
    network              one's own network in place of these: a function (inputs, outputs) that makes a madi layer, or a
                         layer, which is copied with the weights that it has
    loss                 a name or a function (prediction, target) -> Variable, as madi.Trainer takes it
    optimizer            one of madi.optimizers, or its name
    learning_rate        in place of the optimizer's own: a number, or a function of the step (madi.schedules)
    weight_decay         in place of the optimizer's own
    epochs               passes over the data; the most of them where training stops early.  0 is for a layer of one's
                         own that has learned already
    batch_size           examples a step; all of them where there are fewer
    early_stopping       whether to stop when the validation loss no longer falls, and go back to the best weights
    patience             epochs for which that is waited for
    validation_fraction  share of the data that is kept out of training for it, where `fit` is given no X_val, y_val
    warm_start           whether a fit goes on from the one before: weights, state of the optimizer, network, classes
    random_state         of weights, order, dropout and what is held out: a number gives the same network again
    engine               "jax" compiles, "numpy" does not, "auto" chooses by the size of the job
    dtype                "float32" or "float64", to compute in; default that of X, float64 for whole numbers
    verbose              1: a progress bar; 2: one line an epoch; 0: silent

    and what a fit leaves behind:

    model_                             the network, for all that madi does with one
    history_                           what was measured, by epoch and by step: a `madi.training.History`
    loss_curve_, validation_scores_    by epoch: the training loss; accuracy or R² on what was held out
    n_iter_                            epochs that the network was trained for
    n_features_in_, feature_names_in_  as in scikit-learn
    """

    hidden: Any = (100,)
    _: KW_ONLY
    activation: str = "relu"
    dropout: float = 0.0
    batch_norm: bool = False
    initializer: Any = "xavier"
    network: Any = None
    loss: Any = None
    optimizer: Any = "adam"
    learning_rate: Any = None
    weight_decay: float | None = None
    epochs: int = 100
    batch_size: int = 100
    early_stopping: bool = False
    validation_fraction: float = 0.1
    patience: int = 10
    warm_start: bool = False
    random_state: Any = None
    engine: str = "auto"
    dtype: Any = None
    verbose: int = 0

    score_name: ClassVar[str]  # the metric whose values on validation data are `validation_scores_`
    stratified: ClassVar[bool]  # whether a part that is held out has the classes in their proportions

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__doc__ = "\n\n".join(map(inspect.cleandoc, (cls.__doc__ or "", NeuralNetwork.__doc__ or "")))

    def fit(self, X: Any, y: Any, sample_weight: Any = None, X_val: Any = None, y_val: Any = None) -> Self:
        """Train on rows X (N, features) and targets y; anew, unless `warm_start` is set and there was a fit before.

        sample_weight   how much each example counts (N,); one of weight 0 is left out
        X_val, y_val    data to validate on after each epoch, in place of a fraction of X and y

        Raises scikit-learn's own errors for arrays that do not fit, ConfigurationError for options, DivergenceError
        where the loss leaves the finite numbers.  Ctrl-C ends the fit in order, and raises KeyboardInterrupt then.
        """
        data = self._data(X, y, sample_weight, anew=not self.warm_start)
        epochs = self._expected_epochs()
        held_out = None if X_val is None and y_val is None else self._validation(X_val, y_val)
        if held_out is None and self.early_stopping:
            data, held_out = self._parted(*data)
        stopping = [EarlyStopping(patience=self.patience)] if self.early_stopping else []
        return self._train(data, epochs, validation=held_out, callbacks=stopping)

    def _expected_epochs(self) -> int:
        """The option, once it is a number of at least 1; 0 takes a layer of one's own with the weights that it has."""
        taken = isinstance(self.network, Layer) and self.epochs == 0
        return 0 if taken else expect_count("epochs", self.epochs, fix="Try 100.")

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, **known: Any) -> Self:
        """One epoch on these examples, from the weights as they are."""
        if self.early_stopping:
            raise ConfigurationError(
                "partial_fit: early_stopping=True needs data to validate on after each epoch. Use fit, or set it False."
            )
        return self._train(self._data(X, y, sample_weight, anew=False, **known), 1)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    # ---- what the two do in their own ways

    def _learn(self, y: np.ndarray, weight: np.ndarray | None) -> None:
        """Keep what turns y into targets of the network and back."""
        raise NotImplementedError

    def _width(self) -> int:
        """How many outputs the network needs."""
        raise NotImplementedError

    def _targets(self, y: np.ndarray) -> np.ndarray:
        """y as the network's targets."""
        raise NotImplementedError

    def _weighted(self, targets: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        """How much each example counts in training."""
        return weight

    # ---- data

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[np.ndarray, np.ndarray]:
        """Both as arrays, by scikit-learn's own rules."""
        raise NotImplementedError

    def _data(self, X: Any, y: Any, weight: Any, *, anew: bool, **known: Any) -> tuple[Any, ...]:
        """(X, targets, weights or None), as the network learns from them.

        anew    whether to forget an earlier fit; without one, there is nothing to go on from
        """
        anew = anew or not hasattr(self, "model_")
        if anew:
            self._forget()
        X, y = self._validated(X, y, reset=anew)
        if weight is not None:
            weight = _check_sample_weight(weight, X, dtype=X.dtype, ensure_non_negative=True)
        if anew:
            self._learn(y, weight, **known)
            self._seed = int(check_random_state(self.random_state).randint(LARGEST_SEED))
        targets = self._targets(y)
        return X, targets, self._weighted(targets, weight)

    @property
    def _types(self) -> Any:
        """The types that X may have; from any other it is converted to the first."""
        return (np.float64, np.float32) if self.dtype is None else floating(self.dtype).type

    def _validation(self, X_val: Any, y_val: Any) -> tuple[np.ndarray, np.ndarray]:
        if X_val is None or y_val is None:
            raise DataError(f"fit: {'X_val' if X_val is None else 'y_val'} is missing. Give both, or neither.")
        X_val, y_val = self._validated(X_val, y_val, reset=False)
        return X_val, self._targets(y_val)

    def _parted(self, *data: Any) -> tuple[Any, Any]:
        """The data to train on, and a random fraction of them to validate on."""
        share = expect_number("validation_fraction", self.validation_fraction, FRACTION, fix="Try 0.1.")
        rows = train_test_split(
            np.arange(len(data[0])), test_size=share, random_state=self._seed,
            stratify=data[1] if self.stratified else None,
        )  # fmt: skip
        kept, held_out = (tuple(None if part is None else part[chosen] for part in data) for chosen in rows)
        return kept, held_out if held_out[2] is not None else held_out[:2]

    # ---- the network and its training

    def _forget(self) -> None:
        """No network: where a fit fails before it has trained, nobody can ask an old or an untrained one."""
        for name in ("model_", "_trainer", "_carried"):
            self.__dict__.pop(name, None)

    def _start(self, dtype: Any) -> None:
        """A new network, and its trainer."""
        model = built(self._network(), self.n_features_in_, self._width(), self._seed)
        self._trainer = self._new_trainer(model, dtype)
        self.model_, self.history_ = model, self._trainer.history

    def _network(self) -> Layer:
        if self.network is not None:
            return own_network(self.network, self.n_features_in_, self._width())
        names = ("hidden", "activation", "dropout", "batch_norm", "initializer")
        return perceptron(self._width(), **{name: getattr(self, name) for name in names})

    def _new_trainer(self, model: Layer, dtype: Any) -> Trainer:
        return Trainer(
            model, optimizer=self._optimizer(), loss=self.loss, metrics=[self.score_name], engine=self.engine,
            seed=self._seed, dtype=dtype,
        )  # fmt: skip

    def _optimizer(self) -> Optimizer:
        """The optimizer with the rate and the decay that are given beside it."""
        given = {name: getattr(self, name) for name in ("learning_rate", "weight_decay")}
        found = optimizers.get(self.optimizer)
        return dataclasses.replace(found, **{name: value for name, value in given.items() if value is not None})

    def _train(self, data: tuple[Any, ...], epochs: int, **options: Any) -> Self:
        """Train, and keep what came of it, whatever ends the training."""
        x, targets, weight = data
        trainer = self._resumed(x.dtype)
        trainer.optimizer = self._optimizer()
        try:
            trainer.fit(
                (x, targets), sample_weight=weight, epochs=epochs, batch_size=self.batch_size, verbose=self.verbose,
                **options,
            )  # fmt: skip
        except BaseException:
            if not trainer.step:
                self._forget()
            raise
        finally:
            self._keep(trainer)
        if trainer.interrupted:
            raise KeyboardInterrupt(f"interrupted in epoch {trainer.epoch + 1}; the weights so far are kept")
        return self

    def _keep(self, trainer: Trainer) -> None:
        self.n_iter_ = trainer.epoch
        self.loss_curve_ = self.history_["loss"]
        self.validation_scores_ = self.history_[VALIDATION + self.score_name]

    def _outputs_of(self, X: Any) -> np.ndarray:
        """The network's outputs (N, outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=self._types, reset=False)
        return predict(self.model_, X, engine=self.engine)

    # ---- pickling

    def __getstate__(self) -> dict[str, Any]:
        """Without the trainer, whose compiled programs cannot be pickled: with what another one goes on from."""
        state: dict[str, Any] = dict(super().__getstate__())
        trainer = state.pop("_trainer", None)
        return state if trainer is None else {**state, "_carried": carried(trainer)}

    def _resumed(self, dtype: Any) -> Trainer:
        """The trainer of the last fit; after pickling another, which goes on from where it stood; else a new one."""
        if not hasattr(self, "model_"):
            self._start(dtype)
        if not hasattr(self, "_trainer"):
            self._trainer = self._new_trainer(self.model_, self._carried["dtype"])
            vars(self._trainer).update(self.__dict__.pop("_carried"), history=self.history_)
        return self._trainer


def carried(trainer: Trainer) -> dict[str, Any]:
    """Attributes of a trainer that another one goes on from, by the same engine where it has compiled."""
    kept = {name: getattr(trainer, name) for name in ("key", "order", "epoch", "step", "dtype")}
    engine = "jax" if "jax" in trainer._engines else trainer.engine_name
    return {**kept, "engine_name": engine, "_optimizer_state": over(trainer._optimizer_state, np.array)}
