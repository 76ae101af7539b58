"""README.md and docs/ against the code: tables, flags, commands, links, figures and Python examples."""

import pathlib
import re
import shlex
import shutil

import numpy as np
import pytest
import tiny_model

from frontends import FRONTENDS
from models import MODELS
from tools import (
    analyse_dataset,
    check_inputs,
    check_suspects,
    compare_runs,
    compare_speed,
    convert_dataset,
    flag_words,
    get_camvid,
    import_suite_checkpoint,
    make_streets,
    make_tables,
    repeat_dataset,
    reproduce,
    split_dataset,
)
from tools.results.records import recorded
from tools.results.reference import anchor, count_model, read_counts
from tools.soak import command
from utils.backend import device
from utils.cli import arguments

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = make_tables.pages()
DOCS = [page for page in PAGES if page != README]
EVERY_PAGE = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
COMMANDS = ("train", "test", "predict", "export", "benchmark")
PARSERS = {f"{name}.py": getattr(arguments, f"{name}_parser") for name in COMMANDS}
PARSERS |= {
    tool.build_parser().prog: tool.build_parser
    for tool in (analyse_dataset, compare_runs, convert_dataset, reproduce, split_dataset)
}
OTHER_TOOLS = (check_inputs, check_suspects, compare_speed, get_camvid, import_suite_checkpoint, make_streets)
OTHER_TOOLS += (repeat_dataset,)
OTHER_PARSERS = {f"tools/{pathlib.Path(tool.__file__).name}": tool.build_parser for tool in OTHER_TOOLS}
OTHER_PARSERS["tools/soak.py"] = command.build_parser


def read(page):
    return page.read_text(encoding="utf-8")


@pytest.fixture
def only_real_networks(monkeypatch):
    for name in tiny_model.NAMES:
        monkeypatch.delitem(MODELS, name)


def by_name(pages):
    return pytest.mark.parametrize("page", pages, ids=lambda page: page.name)


@by_name(PAGES)
def test_tables_are_current(page, only_real_networks):
    text = read(page)
    tables = {name: make_tables.TABLES[name]() for name in make_tables.table_names(text)}
    assert make_tables.with_tables(text, tables) == text, "run python tools/make_tables.py"


def test_every_table_is_on_a_page():
    assert set(make_tables.TABLES) == {name for page in PAGES for name in make_tables.table_names(read(page))}


def test_every_network_is_counted(only_real_networks):
    assert list(read_counts()) == list(MODELS), "run python tools/make_tables.py"


@pytest.mark.sweep
def test_counts_are_current(only_real_networks):
    assert read_counts() == {name: count_model(name) for name in MODELS}, "run python tools/make_tables.py --recount"


def commands(text):
    """The commands of the code blocks and code spans of a page: lists of words."""
    text = text.replace("\\\n", " ")
    blocks = re.findall(r"^ *```(?:\w*)\n(.*?)^ *```", text, re.M | re.S)
    rest = re.sub(r"^ *```(?:\w*)\n(.*?)^ *```", "", text, flags=re.M | re.S)
    spans = [span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", rest)]
    for code in [line for block in blocks for line in block.splitlines()] + spans:
        for part in code.split("&&"):
            words = shlex.split(part, comments=True) if re.match(r"\s*(\w+=\w+ )?python3? ", part) else []
            words = words[1:] if words and "=" in words[0] else words
            if len(words) > 1 and not words[1].startswith("-"):
                yield words[1:]


@by_name([*PAGES, CONTRIBUTING])
def test_every_command_is_accepted(page):
    for program, *words in commands(read(page)):
        assert (ROOT / program).is_file()
        parser = (PARSERS | OTHER_PARSERS).get(program)
        if parser and "--help" not in words and "YourNetwork" not in words:
            parser().parse_args(words)


def promised(pattern):
    """The numbers of a sentence of the README."""
    return re.search(pattern, read(README).replace("\n", " ")).groups()


def test_first_command_is_the_recorded_experiment():
    experiment = recorded("streets")["streets_custom"]
    check_recorded(next(words for program, *words in commands(read(README)) if program == "train.py"), experiment)
    assert not experiment["test"]
    assert promised(r"a mean IoU of ([\d.]+) % over twelve classes") == (percent(experiment),)


def test_camvid_command_is_the_recorded_experiment():
    experiment = recorded("camvid")["camvid_custom_mobilenet"]
    train, test = (
        [words for program, *words in commands(read(README)) if program == command and "CamVid" in words][0]
        for command in ("train.py", "test.py")
    )
    check_recorded(train, experiment)
    assert test[4:] == ["--batch_size", str(experiment["test"]["batch_size"])] and len(experiment["test"]) == 1
    minutes = str(experiment["result"]["train_minutes"])
    assert promised(r"reaches a mean IoU of ([\d.]+) % on the test split after ([\d.]+) minutes") == (
        percent(experiment),
        minutes,
    )


def test_recommended_network_is_the_best_of_the_quick_ones():
    quick = {
        name: experiment
        for name, experiment in recorded("camvid").items()
        if experiment["result"]["train_minutes"] <= float(promised(r"trained for up to (\d+) minutes")[0])
        and not experiment["test"].get("scales")
    }
    assert next(iter(quick)) == "camvid_custom_mobilenet"


def check_recorded(words, experiment):
    parse = PARSERS["train.py"]().parse_args
    assert parse(words) == parse(flag_words(experiment["train"]))


def percent(experiment):
    return f"{100 * experiment['result']['mean_iou']:.1f}"


def test_counted_things_are_as_many(only_real_networks):
    assert promised(r"(\d+) semantic segmentation networks") == (str(len(MODELS)),)
    assert promised(r"one of (\d+) feature extractors") == (str(len(FRONTENDS)),)
    assert f"{len(MODELS)} networks and {len(FRONTENDS)} frontends" in read(ROOT / "CHANGELOG.md")


def test_device_line_is_the_one_that_is_printed():
    (label,) = promised(r"`(\w+ --> )Keras [\d.]+ with tensorflow [\d.]+ on gpu:0`")
    assert label in "".join(map(read, [ROOT / "train.py", *(ROOT / "utils").rglob("*.py")]))
    assert re.fullmatch(r"Keras [\d.]+ with \w+ [\d.]+ on .+", device())


@pytest.mark.parametrize("program", PARSERS)
def test_every_flag_is_documented(program):
    text = "".join(map(read, PAGES))
    flags = {
        option
        for actions in PARSERS[program]().groups().values()
        for action in actions
        for option in action.option_strings
    }
    assert not {flag for flag in flags - {"-h", "--help"} if f"`{flag}" not in text}


def test_readme_and_contributing_are_short():
    assert len(read(README).splitlines()) <= 200
    assert len(read(CONTRIBUTING).splitlines()) <= 200


def test_files_of_contributing_exist():
    """Placeholders begin with "your" or are formed from YourNetwork."""
    for span in re.findall(r"`([\w./]+\.(?:py|md|json|csv|toml))`", read(CONTRIBUTING)):
        if not re.search(r"your", span, re.IGNORECASE) and "/" in span:
            assert (ROOT / span).is_file(), span


@by_name([*PAGES, CONTRIBUTING])
def test_links_and_images_exist(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if target.startswith("https://"):
            continue
        path, _, fragment = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), target
        if fragment:
            headings = re.findall(r"^#+ (.*)$", read(file), re.M)
            assert fragment in map(anchor, headings), target


@by_name(DOCS)
def test_readme_links_every_page(page):
    assert f"(docs/{page.name})" in read(README)


def python_program(page):
    return "\n".join(re.findall(r"```python\n(.*?)```", read(page), re.S))


# As they stand, but for the dataset, the weights that would be downloaded, and sizes.
REPLACED = {
    '"DeepLabV3_plus"': '"tiny"',
    '"PSPNet"': '"tiny-heads"',
    '"imagenet"': "None",
    "=352": "=64",
    "=480": "=64",
    "epochs=10": "epochs=1",
}


@by_name([README, ROOT / "docs" / "python.md"])
def test_python_examples_run(page, streets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(next((streets / "test").glob("*.jpg")), "street.jpg")
    program = python_program(page).replace('"CamVid"', repr(str(streets)))
    for old, new in REPLACED.items():
        program = program.replace(old, new)
    scores, rng = [], np.random.default_rng(0)
    scope = {
        "print": scores.append,
        "images": rng.integers(0, 256, (2, 64, 64, 3), np.uint8),
        "labels": rng.integers(0, 12, (2, 64, 64), np.uint8),
    }
    exec(program, scope)
    assert 0 <= scores[-1] <= 1
    if page != README:
        assert scope["colors"].ndim == 3 and scope["logits"].shape == (2, 64, 64, 12)
