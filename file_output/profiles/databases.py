"""Databases and the like, which run as users of their own."""

from __future__ import annotations

import os

from accredit.file_output.profiles.common import BUNDLE, PEM_FILES, here, key_for, pem_files_for
from accredit.file_output.profiles.profile import Profile
from accredit.file_output.recipe import Recipe
from accredit.file_output.spec import FileSpec, Kind
from accredit.file_output.starttls import StartTls
from accredit.file_output.tell.command import Command
from accredit.file_output.tell.systemd import Systemd

_MYSQL_LINES = "ssl_cert = {dir}/tls.crt\nssl_key = {dir}/tls.key\nssl_ca = {dir}/ca.crt\n"


def postgresql_files(uid: int) -> tuple[FileSpec, ...]:
    """Return what PostgreSQL takes from an accredit of that user.

    A key that its group may read it takes from root alone, one of its own user's at 0600 only.
    """
    return pem_files_for("postgres") if uid == 0 else PEM_FILES


POSTGRESQL = Profile(
    "postgresql",
    Recipe(
        postgresql_files(os.geteuid()),
        reload=Systemd("postgresql.service"),
        verify=here(5432, StartTls.POSTGRESQL),
    ),
    "ssl = on\n"
    "ssl_cert_file = '{dir}/tls.crt'\n"
    "ssl_key_file = '{dir}/tls.key'\n"
    "ssl_ca_file = '{dir}/ca.crt'\n",
    "a reload that fails is only in its log: the look at the port finds it",
)

MYSQL = Profile(
    "mysql",
    Recipe(
        pem_files_for("mysql"),
        reload=Command(("mysql", "--batch", "-e", "ALTER INSTANCE RELOAD TLS")),
        verify=here(3306, StartTls.MYSQL),
    ),
    _MYSQL_LINES,
    "needs a login with CONNECTION_ADMIN: over the socket as accredit's user, or by a `reload`"
    " with --defaults-extra-file; X Protocol keeps its certificate until a restart",
)

MARIADB = Profile(
    "mariadb",
    Recipe(
        pem_files_for("mysql"),
        reload=Command(("mariadb", "--batch", "-e", "FLUSH SSL")),
        verify=here(3306, StartTls.MYSQL),
    ),
    _MYSQL_LINES,
    "needs a login with RELOAD: over the socket as accredit's user, or by a `reload`"
    " with --defaults-extra-file",
)

_REDIS = (
    *("tls-cert-file", "{dir}/tls.crt"),
    *("tls-key-file", "{dir}/tls.key"),
    *("tls-ca-cert-file", "{dir}/ca.crt"),
)
REDIS = Profile(
    "redis",
    Recipe(
        pem_files_for("redis"),
        reload=Command(
            ("redis-cli", "-e", "-s", "/run/redis/redis-server.sock", "CONFIG", "SET", *_REDIS)
        ),
        verify=here(6379),
    ),
    "port 0\n"
    "tls-port 6379\n"
    "tls-cert-file {dir}/tls.crt\n"
    "tls-key-file {dir}/tls.key\n"
    "tls-ca-cert-file {dir}/ca.crt\n"
    "unixsocket /run/redis/redis-server.sock\n",
    "Redis 7; setting the same paths reads the files again. A password goes into REDISCLI_AUTH",
)

MONGODB = Profile(
    "mongodb",
    Recipe(
        (key_for("mongodb", Kind.COMBINED, "mongodb.pem"), BUNDLE),
        reload=Command(
            ("mongosh", "--quiet", "--eval", "db.adminCommand({rotateCertificates: 1})")
        ),
        verify=here(27017),
    ),
    "net:\n"
    "  tls:\n"
    "    mode: requireTLS\n"
    "    certificateKeyFile: {dir}/mongodb.pem\n"
    "    CAFile: {dir}/ca.crt\n",
    "MongoDB 5; needs a login with rotateCertificates, such as hostManager",
)
