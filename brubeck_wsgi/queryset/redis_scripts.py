"""What Redis does in one step: scripts in its own language, Lua.

Of a queryset called ``todo`` it knows these keys, all in one slot of a cluster:

- ``todo``: a hash, the objects by their ids, as Brubeck has them;
- ``{todo}:index:FIELD``: a sorted set of members, for the identity and each field that is indexed;
- ``{todo}:places:FIELD``: a hash, the member by the id, for each field that is indexed but the identity.
"""

# KEYS: the objects, the index of the identity, and for each field its index and its places.
# ARGV: what to do, a version, the number of fields, and for each object its id, its data and a member for each index.
SAVE = """
local action, version, fields = ARGV[1], ARGV[2], tonumber(ARGV[3])
local answers = {}
for at = 4, #ARGV, 3 + fields do
  local id, data = ARGV[at], ARGV[at + 1]
  local before = redis.call('HGET', KEYS[1], id)
  if action == 'add' and before then
    answers[#answers + 1] = 0
  elseif action == 'swap' and not before then
    answers[#answers + 1] = -1
  elseif action == 'swap' and version ~= '*' and string.sub(redis.sha1hex(before), 1, 20) ~= version then
    answers[#answers + 1] = -2
  else
    redis.call('HSET', KEYS[1], id, data)
    redis.call('ZADD', KEYS[2], 0, ARGV[at + 2])
    for field = 1, fields do
      local index, places, member = KEYS[1 + 2 * field], KEYS[2 + 2 * field], ARGV[at + 2 + field]
      local old = redis.call('HGET', places, id)
      if old ~= member then
        if old then redis.call('ZREM', index, old) end
        redis.call('ZADD', index, 0, member)
        redis.call('HSET', places, id, member)
      end
    end
    answers[#answers + 1] = before and 0 or 1
  end
end
return answers
"""

# KEYS: as above. ARGV: a version, the number of fields, and for each object its id and the member of its identity.
# Answers the data of each, or -1 where there is none, or -2 where it has another version.
REMOVE = """
local version, fields = ARGV[1], tonumber(ARGV[2])
local answers = {}
for at = 3, #ARGV, 2 do
  local id = ARGV[at]
  local before = redis.call('HGET', KEYS[1], id)
  if not before then
    answers[#answers + 1] = -1
  elseif version ~= '*' and string.sub(redis.sha1hex(before), 1, 20) ~= version then
    answers[#answers + 1] = -2
  else
    redis.call('HDEL', KEYS[1], id)
    redis.call('ZREM', KEYS[2], ARGV[at + 1])
    for field = 1, fields do
      local index, places = KEYS[1 + 2 * field], KEYS[2 + 2 * field]
      local old = redis.call('HGET', places, id)
      if old then
        redis.call('ZREM', index, old)
        redis.call('HDEL', places, id)
      end
    end
    answers[#answers + 1] = before
  end
end
return answers
"""

# KEYS: the objects, an index. ARGV: the command, where it begins and ends, how many to pass over and to take.
# Answers the last member, and then ids and data in turn.
PAGE = """
local members = redis.call(ARGV[1], KEYS[2], ARGV[2], ARGV[3], 'LIMIT', ARGV[4], ARGV[5])
local answers = {members[#members] or ''}
for _, member in ipairs(members) do
  local id = string.match(member, '[^%z]*$')
  local data = redis.call('HGET', KEYS[1], id)
  if data then
    answers[#answers + 1] = id
    answers[#answers + 1] = data
  end
end
return answers
"""
