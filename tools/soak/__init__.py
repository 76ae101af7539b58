"""Endurance tests: mutated files and the readers that must answer them with a result or a one-line error."""
