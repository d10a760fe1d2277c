"""The walk in docs/api.md, copied line by line into a shell beside a fresh product."""

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from local.kept_secrets import FILE_NAME
from local.product import Product, running_product
from tests.servers import make_directory

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
HEADING = "## From nothing to an answering number\n"
SECONDS = 150
END_OF_LINE = "end-of-line"


class Copied(NamedTuple):
    line: str
    status: int
    output: str


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    data_dir = make_directory() / "data"
    data_dir.mkdir()
    # As `make run` makes and keeps it where none is set.
    admin_key = f"parley_{secrets.token_urlsafe(24)}"
    (data_dir / FILE_NAME).write_text(f"PARLEY_ADMIN_KEY={admin_key}\n")
    async with running_product(data_dir, environment={"PARLEY_ADMIN_KEY": admin_key}) as running:
        yield running


def lines_of_the_walk() -> list[str]:
    _, _, after = PAGE.read_text().partition(HEADING)
    section = after.partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


async def copy_into_a_shell(lines: list[str]) -> list[Copied]:
    """What each line printed and ended with; the shell gets the next one only then."""
    shell = await asyncio.create_subprocess_exec(
        *("bash", "--norc"),
        env=os.environ | {"NO_PROXY": "127.0.0.1"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert shell.stdin is not None
    assert shell.stdout is not None
    copied: list[Copied] = []
    try:
        for line in lines:
            shell.stdin.write(f"{line}\necho {END_OF_LINE} $?\n".encode())
            output = ""
            while not (end := re.search(rf"^{END_OF_LINE} (\d+)$", output, flags=re.MULTILINE)):
                printed = await shell.stdout.readline()
                assert printed, f"the shell ended at: {line}\n{output}"
                output += printed.decode()
            copied.append(Copied(line, int(end[1]), output[: end.start()].strip()))
    finally:
        shell.stdin.close()
        if shell.returncode is None:
            shell.kill()
        await shell.wait()
    return copied


@pytest.mark.timeout(300)
async def test_the_walk_ends_in_an_answer_on_the_second_organisations_number(
    product: Product,
) -> None:
    here = {
        "http://127.0.0.1:8000": product.api_url,
        "http://127.0.0.1:8100": product.simulator_url,
        ".parley/": f"{product.data_dir}/",
    }
    lines = lines_of_the_walk()
    for documented, real in here.items():
        assert any(documented in line for line in lines)
        lines = [line.replace(documented, real) for line in lines]
    async with asyncio.timeout(SECONDS):
        copied = await copy_into_a_shell(lines)
    assert [each for each in copied if each.status != 0] == []
    assert "8:00" in copied[-1].output
    assert [each.output for each in copied if "/verify" in each.line] == ["True"]
    assert [each.output for each in copied if "verification" in each.line] == ["verified"]
