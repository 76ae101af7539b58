"""Exceptions of frontends and their weights, with the `exit_code` of the command line."""


class UnknownFrontendError(ValueError):
    """There is no frontend of that name."""

    exit_code = 2


class FrontendWeightsError(RuntimeError):
    """The weights are not available, for example without a network connection."""

    exit_code = 1


class InvalidFrontendWeightsError(FrontendWeightsError):
    """The weights do not exist, or the file is missing, is no weights file, or belongs to another network."""

    exit_code = 2
