"""ConFIG (Liu, Chu and Thuerey 2024): the unit direction with the same cosine to every task's gradient.

Its length is the sum of the gradients' projections onto it, here their mean: weights are scaled alike in all
methods. The direction is that of IMTL-G; what differs is the length, which does not explode where the
gradients nearly cancel.
"""

from __future__ import annotations

import numpy as np

from perception.training.balance.method import OnGradients, sized


class ConFIG(OnGradients):
    def mix(self, cosines: np.ndarray) -> np.ndarray:
        unit = sized(np.linalg.pinv(cosines, rcond=1e-6, hermitian=True) @ np.ones(len(cosines)), cosines)
        return unit * float((cosines @ unit).mean())
