"""Brokers, monitoring, and an Envoy that reads files."""

from __future__ import annotations

from accredit.file_output.profiles.common import PEM_FILES, here, pem_files_for
from accredit.file_output.profiles.profile import Profile
from accredit.file_output.recipe import Recipe
from accredit.file_output.spec import FileSpec, Kind
from accredit.file_output.tell.command import Command

_PASSWORD = "/etc/accredit/kafka.password"  # noqa: S105  where it is

RABBITMQ = Profile(
    "rabbitmq",
    Recipe(
        pem_files_for("rabbitmq"),
        reload=Command(("rabbitmqctl", "--quiet", "eval", "ssl:clear_pem_cache().")),
        verify=here(5671),
    ),
    "listeners.ssl.default = 5671\n"
    "ssl_options.certfile = {dir}/tls.crt\n"
    "ssl_options.keyfile = {dir}/tls.key\n"
    "ssl_options.cacertfile = {dir}/ca.crt\n"
    "ssl_options.verify = verify_peer\n"
    "ssl_options.fail_if_no_peer_cert = true\n",
    "files are read at a handshake and cached for two minutes; this empties the cache",
)

_KEYSTORE = "listener.name.ssl.ssl.keystore.location={dir}/keystore.p12"
_TRUSTSTORE = "listener.name.ssl.ssl.truststore.location={dir}/truststore.p12"
KAFKA = Profile(
    "kafka",
    Recipe(
        (
            FileSpec(Kind.PKCS12, "keystore.p12", 0o640, group="kafka", password_file=_PASSWORD),
            FileSpec(Kind.PKCS12_TRUST, "truststore.p12", password_file=_PASSWORD),
        ),
        reload=Command(
            (
                *("kafka-configs.sh", "--bootstrap-server", "localhost:9092"),
                *("--entity-type", "brokers", "--entity-name", "0"),
                *("--alter", "--add-config", f"{_KEYSTORE},{_TRUSTSTORE}"),
            )
        ),
        verify=here(9093),
    ),
    "listener.name.ssl.ssl.keystore.location={dir}/keystore.p12\n"
    "listener.name.ssl.ssl.keystore.type=PKCS12\n"
    "listener.name.ssl.ssl.keystore.password=PASSWORD\n"
    "listener.name.ssl.ssl.truststore.location={dir}/truststore.p12\n"
    "listener.name.ssl.ssl.truststore.type=PKCS12\n"
    "listener.name.ssl.ssl.truststore.password=PASSWORD\n"
    "listener.name.ssl.ssl.client.auth=required\n"
    "listener.name.ssl.ssl.allow.dn.changes=true\n"
    "listener.name.ssl.ssl.allow.san.changes=true\n",
    "PASSWORD is what the password file holds; told the same paths, it reads the files again. One"
    " output for each broker",
)

PROMETHEUS = Profile(
    "prometheus",
    Recipe(pem_files_for("prometheus"), verify=here(9090)),
    "tls_server_config:\n"
    "  cert_file: {dir}/tls.crt\n"
    "  key_file: {dir}/tls.key\n"
    "  client_ca_file: {dir}/ca.crt\n"
    "  client_auth_type: RequireAndVerifyClientCert\n",
    "reads its files at every handshake, as server and as scraping client",
)

ENVOY_FILE = Profile(
    "envoy-file",
    Recipe(
        (
            FileSpec(Kind.ENVOY_SDS_CERT, "tls.json"),
            FileSpec(Kind.ENVOY_SDS_CONTEXT, "ca.json"),
        ),
    ),
    "sds_config:\n"
    "  path_config_source:\n"
    "    path: {dir}/tls.json\n"
    "    watched_directory: {path: {dir}}\n",
    "for an Envoy without this agent's socket; it watches the folder",
)

PEM = Profile(
    "pem", Recipe(PEM_FILES), "", "four files and nothing else: for whoever reads them anew himself"
)
