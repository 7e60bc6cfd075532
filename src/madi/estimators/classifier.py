"""A neural network as a classifier of scikit-learn's."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

import madi.functions as F
from madi.errors import ConfigurationError, DataError
from madi.estimators.base import NeuralNetwork
from madi.training.prediction import ends_in


@dataclass(eq=False, repr=False)
class NeuralNetworkClassifier(ClassifierMixin, NeuralNetwork):
    """A neural network that tells classes apart, with scikit-learn's interface.

    The network has one output for each class: its logit, or its probability where a network of one's own ends in
    Softmax and the loss is "cross_entropy".  Labels may be numbers or text; `classes_` holds them in order.

    class_weight    a factor on the weight of each class: {label: factor}, or "balanced", by which all classes together
                    weigh the same.  It multiplies `sample_weight`

    >>> import numpy as np
    >>> x = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> classifier = NeuralNetworkClassifier((20,), epochs=30, batch_size=10, learning_rate=0.02, random_state=0)
    >>> classifier.fit(x, np.where(x[:, 0] > 0, "right", "left")).predict([[-0.5], [0.5]]).tolist()
    ['left', 'right']
    """

    _: KW_ONLY
    loss: Any = "softmax_cross_entropy"
    class_weight: Any = None

    score_name: ClassVar[str] = "accuracy"
    stratified: ClassVar[bool] = True

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One more epoch on these examples, from the weights as they are.

        classes   all labels that will ever come (K,): needed in the first call

        Raises what `fit` raises.
        """
        if self.class_weight == "balanced":
            raise ConfigurationError(
                "partial_fit: class_weight='balanced' needs all labels at once. Give {label: factor} instead."
            )
        self._expect_classes(classes)
        return self._partial_fit(X, y, sample_weight, classes=classes)

    def _expect_classes(self, classes: Any) -> None:
        known = self.classes_.tolist() if hasattr(self, "model_") else None
        if classes is None and known is None:
            raise ConfigurationError("partial_fit: the first call needs classes, all labels that will ever come.")
        if classes is not None and known is not None and np.unique(classes).tolist() != known:
            raise ConfigurationError(f"partial_fit: expected the classes of the first call, {known}, got {classes!r}.")

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of each row, by its label (N,)."""
        outputs = self._outputs_of(X)
        found: np.ndarray = self.classes_[outputs.argmax(axis=1)]
        return found

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class (N, K), in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithm of each probability (N, K)."""
        return np.asarray(F.log_softmax(self._logits(X)).value)

    def decision_function(self, X: Any) -> np.ndarray:
        """The logit of each class (N, K); of two classes the second's less the first's (N,)."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def _logits(self, X: Any) -> np.ndarray:
        """Outputs whose softmax are the probabilities: the logarithms of probabilities are such, too."""
        outputs = self._outputs_of(X)
        if not self._ends_in_softmax:
            return outputs
        return np.log(np.maximum(outputs, np.finfo(outputs.dtype).tiny))

    def _validated(self, X: Any, y: Any, *, reset: bool) -> tuple[np.ndarray, np.ndarray]:
        X, y = validate_data(self, X, y, dtype=self._types, reset=reset)
        check_classification_targets(y)
        return X, y

    def _learn(self, y: np.ndarray, weight: np.ndarray | None, classes: Any = None) -> None:
        self._encoder = LabelEncoder().fit(y if classes is None else classes)
        self.classes_ = self._encoder.classes_
        if len(self.classes_) < 2:
            raise DataError(
                f"fit: expected at least 2 classes, got 1 class: {self.classes_[0]!r}. Add examples of another."
            )

    def _width(self) -> int:
        return len(self.classes_)

    def _start(self, dtype: Any) -> None:
        super()._start(dtype)
        self.model_.classes = tuple(map(str, self.classes_))
        self._ends_in_softmax = ends_in(self.model_, "Softmax")

    def _targets(self, y: np.ndarray) -> np.ndarray:
        return np.asarray(self._encoder.transform(y))

    def _weighted(self, targets: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        if self.class_weight is None:
            return weight
        factors = self._factors(targets, weight)[targets]
        return factors if weight is None else weight * factors

    def _factors(self, targets: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
        """The factor of each class (K,); "balanced": all / (K own), both counted by weight."""
        if not isinstance(self.class_weight, str) or self.class_weight != "balanced":
            return np.asarray(compute_class_weight(self.class_weight, classes=self.classes_, y=self.classes_))
        own = np.bincount(targets, weight, minlength=len(self.classes_))
        return np.divide(own.sum(), len(own) * own, out=np.zeros(len(own)), where=own > 0)
