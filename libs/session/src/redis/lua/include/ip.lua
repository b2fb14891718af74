-- Whether a user may come from an address, by the roles that must not and by the list in the user's record. An address is
-- its family's digit and its bits as text, '4' and 32 of them or '6' and 128; empty when it is not known. A list is
-- 'CIDR=BITS;' for each of its ranges: a range holds the addresses that its bits begin. What is not of this form is
-- damaged, and admits nobody. Mirrors admitsIp of rules/ip-ranges.ts.
local function admits_ip(roles, ip_allowlist, address, refused_roles)
  if refused_roles == '*' then return false end
  for role in string.gmatch(refused_roles, '%S+') do
    if has_role(roles, role) then return false end
  end
  if not ip_allowlist then return true end
  local held = false
  local rest = string.gsub(ip_allowlist, '[^=;]+=([46][01]*);', function(bits)
    if string.sub(address, 1, #bits) == bits then held = true end
    return ''
  end)
  return held and rest == ''
end
