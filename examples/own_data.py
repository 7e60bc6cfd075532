"""A network on one's own arrays: a table of measurements, a yes-or-no answer, no training loop.

The table here is scikit-learn's breast cancer data: 569 rows of 30 measurements of a tumour, malignant or benign.

Prints:
    training on 369 rows, validating on 100, testing on 100
    accuracy on the test rows: 0.96
    the first: malignant (it is malignant), with probability 1.00
"""

import numpy as np
from sklearn.datasets import load_breast_cancer

import madi
from madi.layers import Dense, Dropout, ReLU
from madi.training import EarlyStopping


def main():
    table = load_breast_cancer()
    x, y = table.data, table.target  # (569, 30) and (569,)
    order = np.random.default_rng(0).permutation(len(x))
    train, validation, test = np.split(order, [369, 469])
    print(f"training on {len(train)} rows, validating on {len(validation)}, testing on {len(test)}")

    # The columns have very different sizes: bring each to mean 0 and deviation 1, measured on the training rows alone.
    x = (x - x[train].mean(axis=0)) / x[train].std(axis=0)

    model = madi.Sequential(Dense(16), ReLU(), Dropout(0.2), Dense(1))
    trainer = madi.Trainer(
        model,
        optimizer=madi.optimizers.Adam(0.003, weight_decay=1e-4),
        loss="sigmoid_binary_cross_entropy",
        metrics=["accuracy"],
        seed=0,
    )
    trainer.fit(
        (x[train], y[train]),
        validation=(x[validation], y[validation]),
        epochs=100,
        batch_size=32,
        callbacks=[EarlyStopping(patience=10)],
        verbose=0,
    )
    print(f"accuracy on the test rows: {trainer.evaluate((x[test], y[test]))['accuracy']:.2f}")

    answers, probabilities = madi.predict_classes(model, x[test], classes=table.target_names.tolist())
    truth = table.target_names[y[test[0]]]
    print(f"the first: {answers[0]} (it is {truth}), with probability {probabilities[0].max():.2f}")


if __name__ == "__main__":
    main()
