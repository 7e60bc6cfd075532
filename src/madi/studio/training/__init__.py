"""Trainings that outlive pages: what is asked for, what goes on, and what there is to see of it."""

from __future__ import annotations
