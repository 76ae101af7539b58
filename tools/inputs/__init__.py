"""Check of label reading: generated datasets in all forms, and an independent reading of them."""
