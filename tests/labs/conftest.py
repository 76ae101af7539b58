"""What the tests of the labs share: smoke size, and the small generated dataset."""

import importlib

import pytest


@pytest.fixture(scope="session")
def smoke_course(streets):
    """`labs.course` at smoke size on the generated dataset."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABS_SIZE", "smoke")
        patch.setenv("LABS_DATASET", str(streets))
        import labs.course

        yield importlib.reload(labs.course)
    importlib.reload(labs.course)
