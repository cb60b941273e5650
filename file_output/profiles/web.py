"""nginx, Apache and HAProxy: their masters read the files as root and hand them to workers."""

from __future__ import annotations

from accredit.file_output.address import Address
from accredit.file_output.profiles.common import BUNDLE, FOREIGN, PEM_FILES, here
from accredit.file_output.profiles.profile import Profile
from accredit.file_output.recipe import Recipe
from accredit.file_output.spec import FileSpec, Kind
from accredit.file_output.tell.command import Command
from accredit.file_output.tell.haproxy import HaproxyRuntime, Loaded
from accredit.file_output.tell.haproxy_cli import Cli
from accredit.file_output.tell.systemd import Systemd

_COMBINED = FileSpec(Kind.COMBINED, "haproxy.pem")
_VALIDATE = Command(("haproxy", "-c", "-q", "-f", "/etc/haproxy/haproxy.cfg"))
_RELOAD = Systemd("haproxy.service")
_HAPROXY_FILES = (_COMBINED, BUNDLE, FOREIGN)
_HAPROXY_LINES = "bind :443 ssl crt {dir}/haproxy.pem ca-file {dir}/ca.crt verify required\n"

NGINX = Profile(
    "nginx",
    Recipe(PEM_FILES, Command(("nginx", "-t", "-q")), Systemd("nginx.service"), here(443)),
    "ssl_certificate {dir}/tls.crt;\n"
    "ssl_certificate_key {dir}/tls.key;\n"
    "ssl_client_certificate {dir}/ca.crt;\n"
    "ssl_verify_client on;\n",
)

APACHE = Profile(
    "apache",
    Recipe(PEM_FILES, Command(("apache2ctl", "configtest")), Systemd("apache2.service"), here(443)),
    "SSLCertificateFile {dir}/tls.crt\n"
    "SSLCertificateKeyFile {dir}/tls.key\n"
    "SSLCACertificateFile {dir}/ca.crt\n"
    "SSLVerifyClient require\n",
)

HAPROXY = Profile(
    "haproxy",
    Recipe(_HAPROXY_FILES, _VALIDATE, _RELOAD, here(443)),
    _HAPROXY_LINES,
)

HAPROXY_RUNTIME = Profile(
    "haproxy-runtime",
    Recipe(
        _HAPROXY_FILES,
        _VALIDATE,
        reload=HaproxyRuntime(
            (Cli(Address(path="/run/haproxy/admin.sock")),),
            (Loaded("haproxy.pem"),),
            otherwise=_RELOAD,
        ),
        verify=here(443),
    ),
    _HAPROXY_LINES + "stats socket /run/haproxy/admin.sock mode 660 level admin\n",
    "no reload while only the certificate changes: connections, tables and counters stay",
)
