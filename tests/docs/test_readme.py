"""What README.md and docs/ point at is there: files, anchors, targets of make, settings."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

from settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
READ_BY_COMPOSE = {
    "COMPOSE_PROFILES",
    "PARLEY_POSTGRES_PASSWORD",
    "POSTGRES_PASSWORD",
    "TEMPORAL_POSTGRES_PASSWORD",
}
"""Not Parley's own: settings of `docker-compose.yml`."""
MADE_BY_RUNNING = {"bench/results.json"}


class Named(NamedTuple):
    """Something that a page names, and where."""

    page: str
    what: str


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def code(page: Path) -> list[str]:
    """What stands in code spans, and each line of the blocks of code."""
    spans = re.findall(r"`([^`\n]+)`", prose(page))
    return spans + [line for block in FENCE.findall(page.read_text()) for line in block.split("\n")]


def named(pattern: str, *, within: str = "code") -> list[Named]:
    """Every match of the pattern, page by page, each once."""
    found = [
        Named(page.relative_to(ROOT).as_posix(), match)
        for page in PAGES
        for text in (code(page) if within == "code" else [prose(page)])
        for match in re.findall(pattern, text)
    ]
    assert found, f"nothing matches {pattern}: this test looks for the wrong thing"
    return sorted(set(found))


def anchors(page: Path) -> set[str]:
    """GitHub's ids of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def repository_paths() -> list[Named]:
    """Code spans that look like a path into one of the folders, or a file of the root."""
    folders = "|".join(sorted(re.escape(path.name) for path in ROOT.iterdir() if path.is_dir()))
    return named(rf"^((?:{folders})/[\w./-]*)$") + named(
        r"^(\.?[\w-]+\.(?:py|yml|toml|md|example))$"
    )


@pytest.mark.parametrize("link", named(r"\]\(([^)\s]+)\)", within="prose"), ids=str)
def test_a_relative_link_leads_somewhere(link: Named) -> None:
    if re.match(r"[a-z]+:", link.what):
        pytest.skip("leads outside the repository")
    address, _, anchor = link.what.partition("#")
    page = ROOT / link.page
    target = (page.parent / address).resolve() if address else page
    assert target.exists()
    assert target.is_relative_to(ROOT)
    assert not anchor or anchor in anchors(target)


@pytest.mark.parametrize("target", named(r"\bmake ([a-z]+)\b"), ids=str)
def test_a_target_of_make_exists(target: Named) -> None:
    assert re.search(rf"^{target.what}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("command", named(r"\bparley ([a-z-]+)\b"), ids=str)
def test_a_command_of_parley_exists(command: Named) -> None:
    assert f"\ndef {command.what.replace('-', '_')}(" in (ROOT / "cli.py").read_text()


@pytest.mark.parametrize("setting", named(r"\b([A-Z][A-Z0-9]*_[A-Z0-9_]+)(?!\*)\b"), ids=str)
def test_a_setting_is_one(setting: Named) -> None:
    shown = re.findall(r"^#([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)
    known = {name.upper() for name in Settings.model_fields} | set(shown) | READ_BY_COMPOSE
    group = setting.what.endswith("_") and any(name.startswith(setting.what) for name in known)
    assert setting.what in known or group


@pytest.mark.parametrize("path", repository_paths(), ids=str)
def test_a_path_of_the_repository_exists(path: Named) -> None:
    assert (ROOT / path.what).exists() or path.what in MADE_BY_RUNNING


@pytest.mark.parametrize("module", named(r"python -m ([\w.]+)"), ids=str)
def test_a_module_that_is_run_exists(module: Named) -> None:
    assert find_spec(module.what) is not None


@pytest.mark.parametrize(
    "image", sorted((ROOT / "docs" / "images").iterdir()), ids=lambda i: i.name
)
def test_an_image_is_shown_and_small(image: Path) -> None:
    assert image.stat().st_size < 250_000
    assert any(f"images/{image.name})" in page.read_text() for page in PAGES)
