"""Reference solutions of the labs; the student version is made without this folder."""
