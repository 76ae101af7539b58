"""Measurement of suspect scores: label errors that are planted into correct labels."""
