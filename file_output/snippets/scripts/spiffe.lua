-- The SPIFFE ID in a verified certificate: the one URI among its names; else an empty string.
-- The DER is walked, not searched: a pattern would also find an ID that somebody hid elsewhere in
-- a certificate, as in its public key.

local SUBJECT_ALTERNATIVE_NAMES = "\x55\x1d\x11"

local function parse(der, at)
    local tag, length = der:byte(at, at + 1)
    local start = at + 2
    if length >= 0x80 then
        local octets = length - 0x80
        assert(octets >= 1 and octets <= 3)
        length = 0
        for _ = 1, octets do
            length = length * 256 + der:byte(start)
            start = start + 1
        end
    end
    local last = start + length - 1
    assert(last <= #der)
    return { tag = tag, first = start, last = last, value = der:sub(start, last) }
end

local function children(value)
    local found, at = {}, 1
    while at <= #value do
        local child = parse(value, at)
        found[#found + 1] = child
        at = child.last + 1
    end
    return found
end

local function uris(der)
    local found = {}
    local tbs = children(parse(der, 1).value)[1]
    for _, field in ipairs(children(tbs.value)) do
        if field.tag == 0xa3 then
            for _, extension in ipairs(children(children(field.value)[1].value)) do
                local parts = children(extension.value)
                if parts[1].value == SUBJECT_ALTERNATIVE_NAMES then
                    for _, name in ipairs(children(parse(parts[#parts].value, 1).value)) do
                        if name.tag == 0x86 then
                            found[#found + 1] = name.value
                        end
                    end
                end
            end
        end
    end
    return found
end

local function spiffe_id(der)
    local well_formed, found = pcall(uris, der or "")
    if well_formed and #found == 1 then
        return found[1]
    end
    return ""
end
