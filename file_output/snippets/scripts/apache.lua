
require "apache2"

local function is_allowed(id, pattern)
    if pattern:sub(-2) == "/*" then
        local above = pattern:sub(1, -2)
        return #id > #above and id:sub(1, #above) == above
    end
    return id == pattern
end

function authorize(request, ...)
    if request:ssl_var_lookup("SSL_CLIENT_VERIFY") ~= "SUCCESS" then
        return apache2.AUTHZ_DENIED
    end
    local pem = request:ssl_var_lookup("SSL_CLIENT_CERT"):gsub("%-%-%-%-%-[A-Z ]+%-%-%-%-%-", "")
    local id = spiffe_id(request:base64_decode((pem:gsub("%s", ""))))
    for _, pattern in ipairs({ ... }) do
        if is_allowed(id, pattern) then
            return apache2.AUTHZ_GRANTED
        end
    end
    return apache2.AUTHZ_DENIED
end
