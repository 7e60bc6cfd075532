"""A node of one's own: softplus, a smooth ReLU, with its gradient checked, and at work in a network.

Prints:
    softplus(0) = 0.6931, its slope there = 0.5000
    gradient check passed: 12 of 12 elements
    XOR learned with it: [0. 1. 1. 0.]
"""

import numpy as np

import madi
from madi.kernels.arrays import array_library
from madi.layers import Dense, Layer


class Softplus(madi.Function):
    """Softplus, elementwise.

    forward   y  = log(1 + exp(x))       computed as logaddexp(0, x), which cannot overflow
    backward  gx = gy / (1 + exp(-x))    the slope is the sigmoid; keeps x
    """

    def forward(self, x):
        xp = array_library(x)  # NumPy or jax.numpy: the same equation runs on both, and compiles
        self.x = x
        return xp.logaddexp(0, x)

    def backward(self, gy):
        return gy * (array_library(gy).tanh(self.x / 2) + 1) / 2


class SoftplusLayer(Layer):
    """The node as a layer without parameters."""

    def __call__(self, x):
        return Softplus()(x)


def main():
    x = madi.Variable(0.0)
    y = Softplus()(x)
    y.backward()
    print(f"softplus(0) = {float(y):.4f}, its slope there = {float(x.grad):.4f}")

    report = madi.check_gradients(lambda x: Softplus()(x), np.linspace(-5, 5, 12).reshape(3, 4))
    print(f"gradient check passed: {report.inputs[0].checked} of {report.inputs[0].size} elements")

    pairs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    target = np.array([[0], [1], [1], [0]], np.float32)
    model = madi.Sequential(Dense(8), SoftplusLayer(), Dense(1))
    optimizer = madi.optimizers.Adam(0.05)
    trainer = madi.Trainer(model, optimizer=optimizer, loss="sigmoid_binary_cross_entropy", seed=0)
    trainer.fit((pairs, target), epochs=300, batch_size=4, verbose=0)
    answers, _ = madi.predict_classes(model, pairs, classes=[0.0, 1.0])
    print("XOR learned with it:", answers)


if __name__ == "__main__":
    main()
