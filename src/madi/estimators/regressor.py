"""A neural network as a regressor of scikit-learn's."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from madi.errors import DataError
from madi.estimators.base import NeuralNetwork


@dataclass(eq=False, repr=False)
class NeuralNetworkRegressor(RegressorMixin, NeuralNetwork):
    """A neural network that foretells one number or several, with scikit-learn's interface.

    The targets y, (N,) or (N, targets), are standardised for the network, and its answers brought back to their scale:

        t = (y - mean) / deviation,   y = deviation * output + mean

    so that the learning rate need not follow the unit of y.  `target_mean_` and `target_scale_` hold the two, of the
    first fit where others go on from it.  Losses are those of the standardised targets.

    standardize     False: the network learns y as it is

    >>> import numpy as np
    >>> x = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> regressor = NeuralNetworkRegressor((50,), epochs=50, batch_size=10, learning_rate=0.02, random_state=0)
    >>> bool(regressor.fit(x, 1000 * x[:, 0] ** 2).score(x, 1000 * x[:, 0] ** 2) > 0.9)
    True
    """

    _: KW_ONLY
    loss: Any = "mean_squared_error"
    standardize: bool = True

    score_name: ClassVar[str] = "r_squared"
    stratified: ClassVar[bool] = False

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One more epoch on these examples, from the weights as they are.

        The first call's y give mean and deviation to all.  Raises what `fit` raises.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """The targets of each row, shaped and scaled as the y of the fit."""
        outputs = self._outputs_of(X)
        answers = outputs.reshape(len(outputs), *self.target_mean_.shape) * self.target_scale_ + self.target_mean_
        return np.asarray(answers)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[np.ndarray, np.ndarray]:
        X, y = validate_data(self, X, y, dtype=self._types, multi_output=True, y_numeric=True, reset=reset)
        return X, check_array(y, ensure_2d=False, input_name="y")  # which refuses sparse ones and text, too

    def _learn(self, y: np.ndarray, weight: np.ndarray | None) -> None:
        dtype = y.dtype if y.dtype.kind == "f" else np.float64
        mean, scale = _moments(y.astype(np.float64), weight)
        if not self.standardize:
            mean, scale = np.zeros_like(mean), np.ones_like(scale)
        self.target_mean_, self.target_scale_ = mean.astype(dtype), scale.astype(dtype)

    def _width(self) -> int:
        return self.target_mean_.size

    def _targets(self, y: np.ndarray) -> np.ndarray:
        if y.shape[1:] != self.target_mean_.shape:
            wanted, given = (("N", *shape) for shape in (self.target_mean_.shape, y.shape[1:]))
            raise DataError(f"fit: expected targets of shape {wanted}, as in the first fit, got {given}.")
        return np.asarray((y - self.target_mean_) / self.target_scale_).reshape(len(y), -1)


def _moments(y: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and standard deviation of each column: 1 for one that is constant but for rounding."""
    mean = np.average(y, axis=0, weights=weight)
    deviation = np.sqrt(np.average((y - mean) ** 2, axis=0, weights=weight))
    noise = 10 * np.finfo(y.dtype).eps * np.abs(mean)
    return np.asarray(mean), np.where(deviation > noise, deviation, 1.0)
