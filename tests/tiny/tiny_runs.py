"""Records of training runs, as `utils.runs.Run.record` returns them."""


def run(folder="c/UNet_Mine", best=0.5, test=None, test_flags=None, **flags):
    """A record of a run."""
    return {
        "folder": folder,
        "flags": {"model": "UNet", "dataset": "Mine", "seed": 0, **flags},
        **{"epochs": 5, "num_epochs": 5, "best_mean_iou": best, "best_epoch": 3, "val_loss": None},
        **{"last_mean_iou": best and best - 0.25, "minutes": 2.0},
        **{"test_mean_iou": test, "test_global_accuracy": test, "images_per_second": None},
        **{"test_flags": test_flags or {}, "test_file": None},
    }


def folds(model, scores, **flags):
    return [
        run(f"c/{model}_Mine_fold{number}", score, model=model, dataset=f"Mine_fold{number}", **flags)
        for number, score in enumerate(scores, 1)
    ]
