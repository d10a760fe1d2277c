"""`.env.example` says all there is to set, and says it right."""

import re
from pathlib import Path

import pytest

from settings import Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
READ_BY_THE_AWS_SDK = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def shown() -> dict[str, str]:
    return dict(re.findall(r"^#([A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(), flags=re.MULTILINE))


def test_it_lists_every_setting_and_no_other() -> None:
    known = {name.upper() for name in Settings.model_fields}
    assert shown().keys() - READ_BY_THE_AWS_SDK == known


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_value_shown_is_the_default(name: str) -> None:
    default = Settings.model_fields[name].get_default(call_default_factory=True)
    value = shown()[name.upper()]
    match default:
        case None | []:
            assert value == ""
        case _:
            assert value == str(default)


def test_it_sets_nothing_by_itself() -> None:
    for line in EXAMPLE.read_text().splitlines():
        assert line == "" or line.startswith("#")
