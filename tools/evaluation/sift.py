# SPDX-License-Identifier: Apache-2.0
"""Exhaustive SIFT: local features of a picture against those of every reference, no embedder.

The similarity of two pictures is the number of matches that one homography explains, plus a
thousandth for each match that only passed the ratio test.
"""

from __future__ import annotations

import time

import cv2
import numpy as np
from numpy.typing import NDArray

from kiosk.values import Pixels
from kiosk.vision.image import fit_within

POINTS = 600
SIDE_PX = 480
_RATIO = 0.8
_FEWEST = 4
_REACH_PX = 5.0
_MS = 1000

Floats = NDArray[np.float32]
Points = tuple[Floats, Floats]
"""(N, 2) positions and (N, 128) descriptors."""


class Sift:
    """Holds the local features of references."""

    def __init__(self) -> None:
        self._detector = cv2.SIFT.create(nfeatures=POINTS)
        self._matcher = cv2.BFMatcher.create(cv2.NORM_L2)
        self._references: list[Points] = []

    def enrol(self, view: Pixels) -> None:
        """One more reference, BGR."""
        self._references.append(self._points(view))

    def compare(self, view: Pixels) -> tuple[NDArray[np.float64], dict[str, float]]:
        """Explained matches with each reference, and milliseconds per stage."""
        started = time.perf_counter()
        points = self._points(view)
        described = time.perf_counter()
        found = np.array([self._agreement(points, each) for each in self._references], np.float64)
        matched = time.perf_counter()
        return found, {"embed": _MS * (described - started), "search": _MS * (matched - described)}

    def _points(self, view: Pixels) -> Points:
        grey = cv2.cvtColor(fit_within(view, SIDE_PX), cv2.COLOR_BGR2GRAY)
        keypoints, descriptors = self._detector.detectAndCompute(grey, None)
        if descriptors is None or not len(keypoints):
            return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
        places = np.array([each.pt for each in keypoints], np.float32)
        return places, np.asarray(descriptors, np.float32)

    def _agreement(self, query: Points, reference: Points) -> float:
        if min(len(query[0]), len(reference[0])) < _FEWEST:
            return 0.0
        pairs = self._matcher.knnMatch(query[1], reference[1], k=2)
        good = [pair[0] for pair in pairs if pair[0].distance < _RATIO * pair[1].distance]
        if len(good) < _FEWEST:
            return len(good) / 1000
        here = query[0][[each.queryIdx for each in good]]
        there = reference[0][[each.trainIdx for each in good]]
        _, inliers = cv2.findHomography(here, there, cv2.RANSAC, _REACH_PX)
        return (0 if inliers is None else int(inliers.sum())) + len(good) / 1000
