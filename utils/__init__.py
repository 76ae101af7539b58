"""Rooms of the suite (cli, data, losses, inference, evaluation, export, training, benchmark) over shared modules."""
