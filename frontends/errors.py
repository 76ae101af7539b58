"""What can be wrong with a choice of frontend or of its weights. Each has an `exit_code` for the command line."""


class UnknownFrontendError(ValueError):
    """There is no frontend of that name."""

    exit_code = 2


class FrontendWeightsError(RuntimeError):
    """The request was right, but the weights could not be had: no network, for one."""

    exit_code = 1


class InvalidFrontendWeightsError(FrontendWeightsError):
    """The request cannot be met: the file is missing, is not a weights file, or belongs to another network."""

    exit_code = 2
