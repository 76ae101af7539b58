"""Single flags that several commands or groups share: crop, workers, bands, test-time augmentation, XLA."""

from utils.cli.types import band_list, boolean, positive_int, scale_list, value_range


def add_boolean(group, flag: str, text: str, default: bool | None = False) -> None:
    """Adds a flag that means True without a value and also takes one, as in the original suite."""
    group.add_argument(flag, type=boolean, nargs="?", const=True, default=default, metavar="True/False", help=text)


def add_crop(group, what: str, default: int | None = None) -> None:
    """Adds `--crop_height` and `--crop_width`."""
    for side in ("height", "width"):
        group.add_argument(
            f"--crop_{side}", type=positive_int, default=default, metavar="PIXELS", help=f"{side} of the {what}"
        )


def add_workers(group) -> None:
    """Adds `--workers`."""
    group.add_argument(
        "--workers", type=positive_int, default=2, metavar="N", help="threads for reading and augmenting images"
    )


def add_max_pixels(group, default: str) -> None:
    """Adds `--max_pixels`, with a text about its default."""
    group.add_argument(
        "--max_pixels",
        type=positive_int,
        metavar="N",
        help=f"refuse images and labels of more pixels, by their headers; {default}",
    )


def add_cluster(group, purpose: str) -> None:
    """Adds `--distribute`, of commands that other processes may help."""
    group.add_argument(
        "--distribute",
        choices=("none", "cluster"),
        default="none",
        metavar="WHAT",
        help=f"cluster: the processes of a launcher, such as torchrun or srun, {purpose}",
    )


def add_xla(group) -> None:
    """Adds `--jit_compile`."""
    add_boolean(group, "--jit_compile", "compile with XLA; default: on accelerators only", default=None)


def add_image_format(group, default: str | None, auto: str) -> None:
    """Adds `--bands` and `--image_range`.

    Args:
        group: group of flags.
        default: of `--image_range`.
        auto: what it stands for.
    """
    group.add_argument(
        "--bands",
        type=band_list,
        metavar="N,N,...",
        help="bands of the images to use, in this order; the first is 1; default: R, G, B"
        + ("" if default else ", or as in the training"),
    )
    group.add_argument(
        "--image_range",
        type=value_range,
        default=default,
        metavar="auto|LOW,HIGH" if default else "LOW,HIGH",
        help=f"values that become 0 and 255 in images of more than 8 bits; {'auto' if default else 'default'}: {auto}",
    )


def add_views(group) -> None:
    """Adds the flags of test-time augmentation."""
    group.add_argument(
        "--scales",
        type=scale_list,
        default=(1.0,),
        metavar="F,F,...",
        help="test-time augmentation: average the probabilities at these image scales; default: 1",
    )
    add_boolean(group, "--flip", "test-time augmentation: also average with the horizontally flipped image")
