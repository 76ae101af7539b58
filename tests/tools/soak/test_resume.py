"""Learning rates of resumed trainings, compared with those of trainings that were not interrupted."""

import itertools
import json

import pytest

from tools.soak import resume

HEAD = "epoch,loss,learning_rate\n"


def write_log(path, rates):
    path.write_text(HEAD + "".join(f"{epoch},1.5,{rate}\n" for epoch, rate in enumerate(rates)))
    return path


@pytest.mark.parametrize(
    "rates, interrupted, problem",
    [
        ([0.4, 0.3, 0.2, 0.1], -1, None),
        ([0.4, 0.39, 0.2, 0.1], -1, None),  # trained with the first settings
        ([0.4, 0.3, 0.25, 0.1], 2, None),  # the epoch that was interrupted
        ([0.4, 0.3, 0.2, 0.0], 2, "epoch 3: learning rate 0 in place of 0.1"),
        ([0.4, 0.3, 0.0, 0.1], -1, "epoch 2: learning rate 0 in place of 0.2"),
        ([0.4, 0.3], -1, "2 epochs in the log in place of 4"),
    ],
)
def test_learning_rates(tmp_path, rates, interrupted, problem):
    path, other = (write_log(tmp_path / name, values) for name, values in (("a", rates), ("b", [0.4, 0.3, 0.2, 0.1])))
    assert resume.compare_rates(path, other, interrupted) == ([problem] if problem else [])


def test_every_change_meets_every_schedule(tmp_path):
    calls = itertools.islice(resume.plan(tmp_path, tmp_path, 3), 160)
    changed = [arguments for function, arguments in calls if function is resume.change_settings]
    assert len({json.dumps(arguments[2:6]) for arguments in changed}) == 80
