"""Graders of the functions of each lab."""
