"""Errors and warnings of the package."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

__all__ = [
    "CircularWarning",
    "InfeasibleSpaceError",
    "MisfitWarning",
    "OutOfRangeWarning",
    "SearchInterruptedWarning",
    "StorageWarning",
    "SurrogateDomainError",
    "SurrogateDomainWarning",
    "UnidentifiedWarning",
    "UnusableSubjectWarning",
]


class CircularWarning(UserWarning):
    """A correlation was put in: it is with an input of the fit."""


class InfeasibleSpaceError(RuntimeError):
    """No candidate inside the box and the constraints could be drawn."""


class MisfitWarning(UserWarning):
    """A model leaves more of data than their noise, and intervals take it for noise."""


class OutOfRangeWarning(UserWarning):
    """No simulated finalist kept its firing rates within the plausible range.

    Examples
    --------
    A script that stops at a fit whose rates are implausible::

        with warnings.catch_warnings():
            warnings.simplefilter("error", OutOfRangeWarning)
            fitter.fit(X)
    """


class SearchInterruptedWarning(UserWarning):
    """A search was ended before its time; what it had found was verified."""


class StorageWarning(UserWarning):
    """A file could not be read or written that results do not depend on."""


class SurrogateDomainError(RuntimeError):
    """Simulation contradicts the surrogate, and ``on_disagreement="raise"``.

    Examples
    --------
    ::

        strict = Verification(on_disagreement="raise")
        try:
            fitter = MeanFieldFitter(maps, verification=strict).fit(X)
        except SurrogateDomainError:  # by theory, which has learned from nothing
            fitter = MeanFieldFitter(maps, "linear", verification=strict).fit(X)
    """


class SurrogateDomainWarning(UserWarning):
    """Simulation contradicts what the surrogate predicted for a finalist."""


class UnidentifiedWarning(UserWarning):
    """The data leave open what an answer seems to say."""


class UnusableSubjectWarning(UserWarning):
    """A subject was left out, because its data cannot be used.

    Examples
    --------
    A fit to a group that stops rather than leave somebody out::

        with warnings.catch_warnings():
            warnings.simplefilter("error", UnusableSubjectWarning)
            fitter.fit(X)
    """
