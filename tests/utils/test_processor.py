"""Instruction sets of the processor."""

from utils.processor import processor_flags


def test_flags_of_this_processor():
    flags = processor_flags()
    assert flags is None or "fpu" in flags
