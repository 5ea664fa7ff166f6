"""Synthetic radiographs with known ground truth, for demonstrations and tests."""

from radiograph.phantom.anatomy import Anatomy, draw_anatomy
from radiograph.phantom.archive import ArchiveTruth, Ending, FileTruth, write_archive
from radiograph.phantom.other_views import hand, lateral, limb
from radiograph.phantom.projection import project

__all__ = [
    "Anatomy",
    "ArchiveTruth",
    "Ending",
    "FileTruth",
    "draw_anatomy",
    "hand",
    "lateral",
    "limb",
    "project",
    "write_archive",
]
