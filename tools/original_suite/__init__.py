"""The original TensorFlow 1 suite: its per-image loops for comparison, and the names of its variables."""
