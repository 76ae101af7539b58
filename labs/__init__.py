"""Classroom labs on semantic segmentation, with checks of the students' functions."""
