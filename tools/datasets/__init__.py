"""Built-in datasets, and the assignment of images to splits."""
