"""What the image is made of, and that it is made without rights and tools that it does not need."""

import re
import tomllib
from collections.abc import Iterator

from tests.containers.compose import DOCKERFILE, ROOT

IGNORED = (ROOT / ".dockerignore").read_text().splitlines()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _instructions() -> Iterator[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip():
            instruction, _, rest = line.partition(" ")
            yield instruction, " ".join(rest.split())


STAGES: list[list[tuple[str, str]]] = []
for step in _instructions():
    if step[0] == "FROM":
        STAGES.append([])
    if STAGES:
        STAGES[-1].append(step)
BUILDER, FINAL = STAGES


def test_both_stages_stand_on_one_pinned_image() -> None:
    (base,) = (rest for instruction, rest in _instructions() if instruction == "ARG")
    assert re.fullmatch(r"PYTHON_IMAGE=python:\d+\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base)
    assert BUILDER[0][1] == "${PYTHON_IMAGE} AS builder"
    assert FINAL[0][1] == "${PYTHON_IMAGE}"


def test_the_interpreter_is_the_oldest_that_the_project_supports() -> None:
    minimum = PROJECT["project"]["requires-python"].removeprefix(">=")
    assert f"python:{minimum}." in DOCKERFILE.read_text()


def test_the_installer_is_pinned_and_stays_in_the_builder() -> None:
    assert any(re.search(r"\buv==\d+\.\d+\.\d+$", rest) for _, rest in BUILDER)
    assert not any(re.search(r"\b(uv|pip|apt-get)\b", rest) for _, rest in FINAL)


def test_only_the_lock_without_the_embedded_stack_is_installed() -> None:
    installs = [rest for _, rest in BUILDER if "uv sync" in rest]
    assert len(installs) == 2
    for install in installs:
        assert "--frozen" in install
        assert "--no-dev" in install
        assert "--extra" not in install


def test_dependencies_are_a_layer_below_the_code() -> None:
    steps = [rest for _, rest in BUILDER]
    dependencies = next(i for i, rest in enumerate(steps) if "--no-install-project" in rest)
    assert steps.index("pyproject.toml uv.lock ./") < dependencies < steps.index(". .")


def test_it_runs_as_an_unprivileged_user() -> None:
    users = [rest for instruction, rest in FINAL if instruction == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])
    assert ("ENTRYPOINT", '["parley"]') in FINAL
    assert ("CMD", '["api"]') in FINAL
    assert "PYTHONUNBUFFERED=1" in " ".join(rest for _, rest in FINAL)


def test_nothing_enters_the_build_but_what_the_image_is_made_of() -> None:
    """A secret, a cache or data of the embedded stack beside the code stays outside."""
    let_in = {line.removeprefix("!") for line in IGNORED if line.startswith("!")}
    packaged = set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"])
    described = {PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}
    assert next(line for line in IGNORED if not line.startswith("#")) == "*"
    assert let_in == packaged | described | {"pyproject.toml", "uv.lock"}
    assert all((ROOT / path).exists() for path in let_in)
