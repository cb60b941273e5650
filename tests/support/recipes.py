"""The profiles, for programs that are not the system's: what makes files, and tells and checks."""

from __future__ import annotations

import grp
import os
import pwd
from dataclasses import replace
from signal import SIGUSR1, SIGUSR2

from accredit.file_output.address import Address
from accredit.file_output.profiles.databases import POSTGRESQL, REDIS
from accredit.file_output.profiles.services import PROMETHEUS
from accredit.file_output.profiles.web import APACHE, HAPROXY, HAPROXY_RUNTIME, NGINX
from accredit.file_output.recipe import Recipe
from accredit.file_output.starttls import StartTls
from accredit.file_output.tell.command import Command
from accredit.file_output.tell.haproxy import HaproxyRuntime
from accredit.file_output.tell.haproxy_cli import Cli
from accredit.file_output.tell.signal import Signal
from accredit.file_output.verify import Verify
from support import needs
from support.apache import Apache
from support.haproxy import Haproxy
from support.nginx import Nginx
from support.outputs import with_group
from support.postgresql import Postgresql, user
from support.prometheus import Prometheus
from support.real_program import Program
from support.redis import Redis


def at(program: Program, starttls: StartTls = StartTls.NONE) -> Verify:
    return Verify((Address("127.0.0.1", program.port),), starttls=starttls)


def nginx(program: Nginx) -> Recipe:
    validate = NGINX.recipe.validate
    assert isinstance(validate, Command)
    return replace(
        NGINX.recipe,
        validate=Command((*validate.argv, "-c", str(program.config))),
        reload=Signal(str(program.pid_file), program="nginx"),
        verify=at(program),
    )


def apache(program: Apache) -> Recipe:
    """SIGUSR1 is its graceful reload."""
    binary = needs.program("apache2", apt="apache2")
    return replace(
        APACHE.recipe,
        validate=Command((str(binary), "-t", "-f", str(program.config))),
        reload=Signal(str(program.pid_file), SIGUSR1, program="apache2"),
        verify=at(program),
    )


def haproxy_reload(program: Haproxy) -> Recipe:
    validate = HAPROXY.recipe.validate
    assert isinstance(validate, Command)
    return replace(
        HAPROXY.recipe,
        validate=Command((*validate.argv[:-1], str(program.config))),
        reload=Signal(str(program.pid_file), SIGUSR2, program="haproxy"),
        verify=at(program),
    )


def haproxy_runtime(program: Haproxy, cli: Cli) -> Recipe:
    reload, otherwise = HAPROXY_RUNTIME.recipe.reload, haproxy_reload(program)
    assert isinstance(reload, HaproxyRuntime)
    return replace(otherwise, reload=replace(reload, sockets=(cli,), otherwise=otherwise.reload))


def haproxy_cli(program: Haproxy) -> Cli:
    """The worker's own socket."""
    return Cli(Address(path=str(program.socket)))


def postgresql(program: Postgresql) -> Recipe:
    group = grp.getgrgid(pwd.getpwnam(user()).pw_gid).gr_name
    reload = Signal(str(program.pid_file), program="postgres")
    verify = at(program, StartTls.POSTGRESQL)
    return replace(with_group(POSTGRESQL.recipe, group), reload=reload, verify=verify)


def redis(program: Redis) -> Recipe:
    reload = REDIS.recipe.reload
    assert isinstance(reload, Command)
    words = (w.replace("/run/redis/redis-server.sock", str(program.socket)) for w in reload.argv)
    return replace(
        with_group(REDIS.recipe, _our_group()),
        reload=Command(tuple(words)),
        verify=at(program),
    )


def prometheus(program: Prometheus) -> Recipe:
    return replace(with_group(PROMETHEUS.recipe, _our_group()), verify=at(program))


def _our_group() -> str:
    return grp.getgrgid(os.getegid()).gr_name
