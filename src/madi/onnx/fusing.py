"""Rewrites of a graph that make it run faster."""

from __future__ import annotations


def fused(graph):
    return graph
