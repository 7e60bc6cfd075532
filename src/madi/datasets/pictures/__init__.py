"""Pictures in a folder for each class, or in a zip archive of one, as examples to train on.

data = madi.datasets.load_pictures("photos")
data.train.x, data.train.y, data.classes, data.preparation.decode("new.jpg")
"""

from __future__ import annotations

from madi.datasets.pictures.loading import load_pictures
from madi.datasets.pictures.preparation import PicturePreparation
from madi.datasets.pictures.streaming import PictureBatches

__all__ = ["PictureBatches", "PicturePreparation", "load_pictures"]
