"""Instruction sets of the processor."""

import pathlib
import re

AMX_FLAG = "amx_bf16"  # of x86 processors that multiply matrices of bfloat16, which TensorFlow makes use of
BFLOAT16_FLAGS = (AMX_FLAG, "avx512_bf16")
NEURAL_FLAGS = (*BFLOAT16_FLAGS, "avx512_vnni", "avx_vnni", "amx_tile", "amx_int8")  # with one, TensorFlow uses oneDNN


def processor_flags() -> set[str] | None:
    """Returns the feature flags of an x86 processor under Linux; None if they are not reported, as elsewhere."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    found = re.search(r"^flags\s*: (.*)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.is_file() else None
    return set(found[1].split()) if found else None
