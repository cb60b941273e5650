// The SPIFFE ID of a verified client, for nginx: the one URI among the names of its certificate.
// Anything else, such as two URIs, gives the empty string. The DER is walked, not searched: a
// pattern would also find an ID that somebody hid elsewhere in a certificate, as in its public key.

const SUBJECT_ALTERNATIVE_NAMES = "551d11";

function parse(der, at) {
    const tag = der[at];
    let length = der[at + 1];
    let start = at + 2;
    if (length & 0x80) {
        const octets = length & 0x7f;
        if (octets < 1 || octets > 3) {
            throw new Error("length");
        }
        length = 0;
        for (let i = 0; i < octets; i++) {
            length = length * 256 + der[start++];
        }
    }
    if (!(start + length <= der.length)) {
        throw new Error("end");
    }
    return { tag: tag, start: start, end: start + length };
}

function children(der, node) {
    const found = [];
    for (let at = node.start; at < node.end;) {
        const child = parse(der, at);
        found.push(child);
        at = child.end;
    }
    return found;
}

function uris(der) {
    const tbs = children(der, parse(der, 0))[0];
    const found = [];
    children(der, tbs).filter((each) => each.tag === 0xa3).forEach((wrapped) => {
        children(der, children(der, wrapped)[0]).forEach((extension) => {
            const parts = children(der, extension);
            const kind = der.slice(parts[0].start, parts[0].end).toString("hex");
            if (kind !== SUBJECT_ALTERNATIVE_NAMES) {
                return;
            }
            const names = parse(der, parts[parts.length - 1].start);
            children(der, names).filter((name) => name.tag === 0x86).forEach((name) => {
                found.push(der.slice(name.start, name.end).toString());
            });
        });
    });
    return found;
}

function id(r) {
    if (r.variables.ssl_client_verify !== "SUCCESS") {
        return "";
    }
    try {
        const pem = r.variables.ssl_client_raw_cert;
        const der = Buffer.from(pem.replace(/-----[A-Z ]+-----|\s/g, ""), "base64");
        const found = uris(der);
        return found.length === 1 ? found[0] : "";
    } catch (error) {
        return "";
    }
}

export default { id };
