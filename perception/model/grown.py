"""A wider network that begins as a narrower one that was trained.

What it computes is the same but for rounding, since nothing reads the new channels yet: their weights into
old channels are zero, while what fills them is random and learns (function-preserving growth, as in Net2Net:
Chen, Goodfellow and Shlens 2016, which copies channels instead).
"""

from __future__ import annotations

import torch
from torch import nn

from perception.errors import DataError
from perception.model.shape import Shape

IDENTITY = ".identity"  # the name of a block's third path


def fits(narrow: Shape, wide: Shape) -> bool:
    """Can a network of the one shape grow to the other?"""
    pairs = [(narrow.neck, wide.neck), *zip(narrow.widths, wide.widths, strict=True)]
    return narrow.depths == wide.depths and all(ours <= theirs for ours, theirs in pairs)


@torch.no_grad()
def grow(narrow: nn.Module, wide: nn.Module) -> None:
    """Make `wide` answer as `narrow` does.

    Raises DataError if they do not have the same parts, or one of `wide` has fewer channels.
    """
    theirs, ours = dict(narrow.state_dict()), wide.state_dict()
    for name in theirs.keys() ^ ours.keys():  # an identity, where as many channels go out as come in
        point = name.removesuffix(IDENTITY) + ".point"
        if name.endswith(IDENTITY) and point in theirs:
            if name in theirs:
                theirs[point] = theirs[point] + torch.diag(theirs.pop(name))
            else:
                theirs[name] = theirs[point].new_zeros(len(theirs[point]))
    if theirs.keys() != ours.keys():
        raise DataError(
            f"expected networks of the same parts, {min(theirs.keys() ^ ours.keys())} is in one only"
        )
    for name, old in theirs.items():
        new = ours[name]
        if any(n > m for n, m in zip(old.shape, new.shape, strict=True)):
            raise DataError(f"{name}: expected at least {tuple(old.shape)}, got {tuple(new.shape)}")
        if old.ndim > 1:  # of what goes from new channels into old ones
            new[: len(old), old.shape[1] :] = 0
        new[tuple(slice(n) for n in old.shape)] = old
