"""The name that was meant."""

import difflib


def nearest(word, names):
    """The name closest to a word; one that differs by case or by `-` for `_` comes before all others.

    Args:
        word: str.
        names: iterable of str.

    Returns:
        str, or None if none is close.
    """
    plain = {}
    for name in names:
        plain.setdefault(_plain(name), name)
    wanted = _plain(word)
    if wanted in plain:
        return plain[wanted]
    longer = [name for name in plain if len(wanted) > 3 and name.startswith(wanted)]
    close = longer if len(longer) == 1 else difflib.get_close_matches(wanted, plain, 1, 0.5)
    return plain[close[0]] if close else None


def did_you_mean(word, names):
    """ "; did you mean X?" with the nearest name, or nothing."""
    name = nearest(word, names)
    return f"; did you mean {name}?" if name else ""


def _plain(name):
    return name.casefold().replace("-", "_")
