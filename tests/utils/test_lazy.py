import sys

import pytest

from utils.lazy import lazy_names


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "lazy_example"
    folder.mkdir()
    names = '__getattr__, __dir__, __all__ = lazy_names(__name__, {"answer": "deep"})'
    text = f"from utils.lazy import lazy_names\n\n{names}\n"
    (folder / "__init__.py").write_text(text)
    (folder / "deep.py").write_text("answer = 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "lazy_example"
    for name in ("lazy_example", "lazy_example.deep"):
        sys.modules.pop(name, None)


def test_a_name_is_imported_at_first_use(package):
    module = __import__(package)
    assert "answer" in dir(module) and module.__all__ == ["answer"]
    assert "lazy_example.deep" not in sys.modules
    from lazy_example import answer

    assert answer == 42 and "lazy_example.deep" in sys.modules and vars(module)["answer"] == 42


def test_an_unknown_name_is_an_attribute_error(package):
    module = __import__(package)
    with pytest.raises(AttributeError, match="'lazy_example' has no attribute 'question'"):
        module.question  # noqa: B018
    assert callable(lazy_names("x", {})[0])
