"""Skip connections: the gradient that reaches the first layer of fifty."""

from __future__ import annotations

import pytest

from madi.lab import run

SMALL = {"data": "digits", "examples": 100, "epochs": 1}


def norms(data):
    return {(network["depth"], network["kind"]): network["norms"] for network in data["networks"]}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_fifty_layers_at_the_start(seed):
    found = norms(run("skip_connections", depths=(50,), seed=seed, **SMALL).data)
    assert len(found[50, "without"]) == len(found[50, "with skips"]) == 50
    assert found[50, "with skips"][0] >= 100 * found[50, "without"][0]
    assert found[50, "without"][0] < 1e-6


def test_a_plain_network_loses_half_in_every_two_layers():
    found = norms(run("skip_connections", depths=(10, 30), **SMALL).data)
    lost = found[10, "without"][0] / found[30, "without"][0]
    assert 2**7 < lost < 2**13  # of 20 layers more: about 2 to the power of 10
    assert found[30, "with skips"][0] > found[10, "with skips"][0] / 10
