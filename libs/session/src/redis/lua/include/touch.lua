-- Whether a request counts as activity: one that will be denied for lack of a role does not.
local function may_touch(roles, groups)
  for group in string.gmatch(groups, '|([^|]*)') do
    local met = false
    for role in string.gmatch(group, '%S+') do
      if has_role(roles, role) then
        met = true
        break
      end
    end
    if not met then return false end
  end
  return true
end
