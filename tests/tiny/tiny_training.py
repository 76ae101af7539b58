"""Stand-in for train.py that takes milliseconds: it counts epochs in a checkpoint, and can be careless."""

import json
import os
import pathlib
import types
import zipfile

EPOCHS = 3


def main(words, carelessness=None):
    """Trains `EPOCHS` epochs in the folder `out`; resumes with `--continue_training`."""
    out = pathlib.Path("out")
    latest, log = out / "latest_model_fake.keras", out / "fake" / "log.csv"
    log.parent.mkdir(parents=True, exist_ok=True)
    state = {"epoch": 0, "weight": 0.5}
    if "--continue_training" in words and latest.exists():
        with zipfile.ZipFile(latest) as archive:
            state = json.loads(archive.read("suite.json"))["state"]
        if carelessness == "forgets":
            state["weight"] = 0.5
        write_log(log, state)  # a kill may have come between the two files
    while state["epoch"] < EPOCHS:
        state["weight"] = 3.7 * state["weight"] * (1 - state["weight"])
        state["epoch"] += 1
        write_checkpoint(latest, state, is_atomic=carelessness != "writes in place")
        write_log(log, state)
    if carelessness == "fails" and "--continue_training" in words:
        raise KeyError("epoch")
    return 0


def write_log(path, state):
    temporary = path.with_name(".log.tmp1_a.csv")
    temporary.write_text("epoch,seconds\n" + "".join(f"{epoch},1.0\n" for epoch in range(state["epoch"])))
    os.replace(temporary, path)


def write_checkpoint(path, state, is_atomic):
    temporary = path.with_name(f".{path.stem}.tmp1_a.keras") if is_atomic else path
    with zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr("suite.json", json.dumps({"settings": {}, "state": state}))
        if not is_atomic:
            (path.parent / "between.json").write_text("{}")  # an operation at which the file is not whole
    if is_atomic:
        os.replace(temporary, path)


def module(carelessness=None):
    """Returns a module in place of `train`."""
    return types.SimpleNamespace(main=lambda words: main(words, carelessness))
