"""How figures and reports write names and numbers; nothing is drawn here."""

# Authors: the delssome developers
# SPDX-License-Identifier: BSD-3-Clause

__all__ = ["effect_label", "in_sentence", "sentence", "three_digits", "two_digits"]


def in_sentence(name: str) -> str:
    """Write a name as within a sentence: with a small letter, but for abbreviations.

    Parameters
    ----------
    name : str

    Returns
    -------
    str

    Examples
    --------
    >>> in_sentence("Firing rate (Hz)"), in_sentence("E/I ratio")
    ('firing rate (Hz)', 'E/I ratio')
    """
    return name[0].lower() + name[1:] if name[1:2].islower() else name


def sentence(text: str) -> str:
    """Write a sentence: with a capital, and a full stop.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> sentence("scan of 40 frames, TR 0.72 s")
    'Scan of 40 frames, TR 0.72 s.'
    """
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def effect_label(column: str, name: str, term: str | None = None) -> str:
    """Name a column of effects, for the axis or the colour bar.

    Parameters
    ----------
    column : str
        "effect", "difference", "d" or "r"; any other is its own name.
    name : str
        Of what is read out.
    term : str, default=None
        Of what it is the effect.

    Returns
    -------
    str

    Examples
    --------
    >>> effect_label("r", "Firing rate (Hz)")
    'Partial correlation of firing rate (Hz)'
    >>> effect_label("effect", "E/I ratio", "age")
    'Change of E/I ratio by one unit of age'
    """
    what, of = in_sentence(name), "" if term is None else f" of {term}"
    labels = {
        "r": f"Partial correlation of {what}{'' if term is None else f' with {term}'}",
        "difference": f"Difference in {what}",
        "d": f"Cohen's d of {what}",
        "effect": f"Change of {what} by one unit{of}",
    }
    if term is not None and "[" in term:  # a level of a factor has no unit
        labels["effect"] = f"Difference in {what}, {term}"
    return labels.get(column, column)


def three_digits(value: float) -> str:
    """Write a number of any size with three significant digits.

    Parameters
    ----------
    value : float

    Returns
    -------
    str

    Examples
    --------
    >>> three_digits(2.5), three_digits(-0.001234), three_digits(1234.5)
    ('2.50', '-0.00123', '1234')
    """
    return f"{value:.0f}" if abs(value) >= 99.95 else f"{value:#.3g}"


def two_digits(value: float) -> str:
    """Write an uncertainty, of any size, with two significant digits.

    Parameters
    ----------
    value : float

    Returns
    -------
    str

    Examples
    --------
    >>> two_digits(0.294), two_digits(0.1), two_digits(35.02)
    ('0.29', '0.10', '35')
    """
    return f"{value:.0f}" if abs(value) >= 9.95 else f"{value:#.2g}"
