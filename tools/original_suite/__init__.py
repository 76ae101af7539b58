"""The original suite's image loops and variable names, for comparison and import."""
