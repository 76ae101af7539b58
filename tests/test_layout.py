"""The layout of the repository: import order, sizes, first lines, tests beside sources."""

import ast
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMANDS = ("train", "test", "predict", "export", "benchmark")
# Each room may import itself and those before it; rooms of one tuple do not import each other.
FLOORS = (
    ("frontends",),
    ("models",),
    ("utils",),  # the files directly in utils
    ("utils.losses",),
    ("utils.cli", "utils.data", "utils.runs"),
    ("utils.inference",),
    ("utils.evaluation", "utils.export"),
    ("utils.report",),
    ("utils.training",),
    ("utils.benchmark",),
    ("utils.auto",),
    ("tools",),
    COMMANDS,
    ("labs",),
)
FORBIDDEN = {("utils.evaluation", "utils.losses"), ("utils.data", "utils.losses"), ("utils.inference", "utils.losses")}
MOST_LINES = 300
# Sources whose tests are elsewhere, and where: a command's, a contract's over all networks, or a whole room's.
TESTED_ELSEWHERE = {
    "frontends.errors": "tests/frontends/test_weights.py",
    "frontends.inception_v4": "tests/frontends",
    "models.DeepLabV3_plus": "tests/models/test_models.py",
    "models.Encoder_Decoder": "tests/models/test_models.py",
    "models.MobileUNet": "tests/models/test_models.py",
    "models.custom_model": "tests/models/test_models.py",
    "models.registry": "tests/models/test_models.py",
    "tools._path": "tests/tools/test_commands.py",
    "tools.analysis.collect": "tests/tools/test_analyse_dataset.py",
    "tools.analysis.report": "tests/tools/test_analyse_dataset.py",
    "tools.datasets.download": "tests/tools/test_get_camvid.py",
    **dict.fromkeys(
        (f"tools.formats.{name}" for name in ("ade20k", "cityscapes", "coco_stuff", "mapillary")),
        "tests/tools/formats/test_official.py",
    ),
    **dict.fromkeys(
        (f"tools.formats.{name}" for name in ("base", "masks")),
        "tests/tools/formats/test_formats.py",
    ),
    "tools.formats.camvid": "tests/tools/formats/test_colors.py",
    **dict.fromkeys(
        (f"tools.inputs.{name}" for name in ("datasets", "judge", "variants")), "tests/tools/test_check_inputs.py"
    ),
    "tools.soak": "tests/tools/test_commands.py",
    "tools.soak.__main__": "tests/tools/test_commands.py",
    "tools.soak.mask_sources": "tests/tools/formats/test_formats.py",
    "tools.soak.pool": "tests/tools/soak/test_child.py",
    "tools.soak.sources": "tests/tools/formats/test_formats.py",
    "tools.soak.target": "tests/tools/soak",
    "tools.speed.packages": "tests/tools/speed",
    "tools.speed.worker": "tests/tools/speed",
    **dict.fromkeys(
        (f"tools.streets.{name}" for name in ("background", "canvas", "objects", "traffic")),
        "tests/tools/streets/test_scenes.py",
    ),
    **dict.fromkeys(
        (
            ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for folder in ("graders", "solutions")
            for path in (ROOT / "labs" / folder).glob("[a-z]*.py")
        ),
        "tests/labs/test_checks.py",
    ),
    **dict.fromkeys(
        (f"labs.{path.stem}" for path in (ROOT / "labs").glob("lab[0-9]*.py")), "tests/labs/test_sources.py"
    ),
    **dict.fromkeys(
        (f"labs.{name}" for name in ("_path", "course", "figures", "make_labs", "leaderboard_worker")),
        "tests/labs/test_sources.py",
    ),
    "utils.auto.fingerprints": "tests/utils/auto/test_plan.py",
    "utils.cli.flag_groups": "tests/utils/cli/test_arguments.py",
    "utils.cli.flags": "tests/utils/cli/test_arguments.py",
    "utils.cli.training_flags": "tests/utils/cli/test_arguments.py",
    "utils.inference.sharded": "tests/test_devices.py",
    "utils.training.optimizers.keras_optimizers": "tests/utils/training/optimizers",
    "utils.training.optimizers.replicated": "tests/utils/test_replicas.py",
}

# Tests over several sources.
OVER_SEVERAL = {
    "test_layout.py",
    "test_docs.py",
    "test_devices.py",
    "test_compatibility.py",
    "test_fine_tuning.py",
    "test_image_kinds.py",
    "test_names_from_files.py",
    "test_without_keras.py",
    "labs/test_sources.py",
    "models/test_jax.py",
    "tools/test_commands.py",
    "tools/formats/test_official.py",
}

SOURCES = sorted(
    path
    for folder in ("frontends", "models", "utils", "tools", "labs")
    for path in (ROOT / folder).rglob("*.py")
    if (ROOT / folder).is_dir()
) + [ROOT / f"{name}.py" for name in COMMANDS]


def module_of(path):
    """The dotted name of a source file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room_of(module):
    """The room of a module: `utils.data` of `utils.data.folder`, `utils` of `utils.errors`, `tools` of all tools."""
    parts = module.split(".")
    if parts[0] == "utils":
        is_room = (ROOT / "utils" / parts[1]).is_dir() if len(parts) > 1 else False
        return ".".join(parts[:2]) if is_room else "utils"
    return parts[0]


def floor_of(room):
    """The number of a room's floor, counted from the ground; None for what is not of this repository."""
    return next((number for number, rooms in enumerate(FLOORS) if room in rooms), None)


def imports(path):
    """`(module, line)` of all imports of a file, late ones included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno} is a relative import"
            yield node.module, node.lineno
            # `from utils import data` and `from utils.data import folder` name modules too.
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=module_of)
def test_imports_point_one_way(path):
    room = room_of(module_of(path))
    wrong = []
    for module, line in imports(path):
        other = room_of(module)
        floor = floor_of(other)
        if floor is None or other == room:
            continue
        if floor >= floor_of(room) or (room, other) in FORBIDDEN:
            wrong.append(f"line {line}: {module}")
    assert not wrong, f"{room} is below what it imports: {wrong}"


def first_lines():
    """`(place, line)` of every module's, public class's and public function's first docstring line."""
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield module_of(path), (ast.get_docstring(tree) or "").split("\n")[0], True
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                text = ast.get_docstring(node)
                if text is not None:
                    yield f"{module_of(path)}.{node.name}", text.split("\n")[0], False


# Words of a private language; the field's terms are in CONTRIBUTING.md.
RIDDLES = re.compile(
    r"\?|\b(what\b|goes on|going on|tells?\b|laid beside|engine|verbs?\b|faults?\b|colours?\b|whole or not at all)"
    r"|\b(pictures?\b|contest|yardstick|in the mirror)",
    re.IGNORECASE,
)


def test_first_lines_are_the_fields_terms():
    """A module's first line is a noun phrase, a function's a verb and its object; both end like sentences."""
    wrong = []
    for place, line, is_module in first_lines():
        is_empty_package = is_module and not line and (ROOT / place.replace(".", "/") / "__init__.py").is_file()
        if is_empty_package and not (ROOT / place.replace(".", "/") / "__init__.py").read_text():
            wrong.append(f"{place}: no docstring")
        elif not line:
            wrong.append(f"{place}: no first line")
        elif RIDDLES.search(line):
            wrong.append(f"{place}: {line}")
    assert not wrong, "\n".join(wrong)


def test_product_files_are_short():
    """A newcomer reads a file top to bottom in five minutes."""
    long = {module_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert not {name: lines for name, lines in long.items() if lines > MOST_LINES}


def test_no_product_file_looks_like_a_test():
    names = [path.name for path in SOURCES if path != ROOT / "test.py"]
    assert not [name for name in names if name.startswith("test_") or name.endswith("_test.py")]
    vague = {"utils.py", "common.py", "misc.py", "helpers.py"}
    assert not vague & set(names)


def test_every_source_has_a_test():
    """`utils/data/folder.py` has `tests/utils/data/test_folder.py`."""
    missing = []
    for path in SOURCES:
        relative = path.relative_to(ROOT)
        test = ROOT / "tests" / relative.with_name(f"test_{relative.name}")
        if relative.name != "__init__.py" and not test.is_file():
            missing.append(module_of(path))
    assert set(missing) == set(TESTED_ELSEWHERE)
    assert all((ROOT / place).exists() for place in TESTED_ELSEWHERE.values())


def test_every_test_has_a_source():
    """A test file of a moved source moves with it."""
    stray = []
    for path in (ROOT / "tests").rglob("test_*.py"):
        relative = path.relative_to(ROOT / "tests")
        source = ROOT / relative.with_name(relative.name.removeprefix("test_"))
        package = ROOT / relative.parent if relative.parent.parts else None
        is_of_package = package and package.name == path.stem.removeprefix("test_")
        if not (source.is_file() or is_of_package or relative.as_posix() in OVER_SEVERAL):
            stray.append(relative.as_posix())
    assert not stray


def test_what_needs_no_keras_imports_none():
    """Help, flag errors, dataset checks and exported files answer without the seconds that Keras takes to import."""
    modules = ["utils.cli.arguments", "utils.cli.checks", "utils.data", "utils.data.labels", "utils.data.checks"]
    modules += [
        "utils.losses",
        "utils.metrics",
        "utils.inference",
        "utils.inference.predictor",
        "utils.inference.loading",
    ]
    modules += ["utils.evaluation", "utils.evaluation.evaluate", "utils.training", "utils.export", "utils.benchmark"]
    code = f"import importlib, sys\nfor name in {modules}:\n    importlib.import_module(name)\n"
    code += "print({name.split('.')[0] for name in sys.modules} & {'keras', 'tensorflow', 'jax', 'torch'} or '')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout + done.stderr


def test_dependencies_are_those_of_requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = (ROOT / "requirements.txt").read_text(encoding="utf-8").split()
    assert [line for line in required if not line.startswith("pytest")] == project["dependencies"]
    runtime = (ROOT / "requirements-runtime.txt").read_text(encoding="utf-8").splitlines()
    assert {line for line in runtime if not line.startswith(("#", "onnxruntime"))} < set(required)
