
-- In hex, since HAProxy hands binary data to Lua up to its first zero octet only.
local function of_hex(hex)
    return spiffe_id((hex:gsub("%x%x", function(octet)
        return string.char(tonumber(octet, 16))
    end)))
end

core.register_converters("spiffe_id", of_hex)
