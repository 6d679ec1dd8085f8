"""What does Redis do for the governors, in one step each? Lua: its clock counts, and nothing comes in between."""

# KEYS: leases (holder → expiry), held (holder → places), wants (holder → places), state
# ARGV: holder, wanted places, places in use, answers that came well, signs of distress, most places, lease ms,
#       requests left, ms until they are renewed (-1: nothing new)
SHARE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local holder, want, used = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local good, bad, most = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], dead)
  redis.call('HDEL', KEYS[2], dead)
  redis.call('HDEL', KEYS[3], dead)
end
local state = redis.call('HMGET', KEYS[4], 'limit', 'lowered', 'until', 'reason')
local limit = math.min(tonumber(state[1]) or most, most)
if bad > 0 then
  if now - (tonumber(state[2]) or 0) > 1000 then
    limit = math.max(1, limit / 2)
    redis.call('HSET', KEYS[4], 'lowered', now)
  end
elseif good > 0 then
  limit = math.min(most, limit + good / (5 * limit))
end
if good > 0 and now > (tonumber(state[3]) or 0) then redis.call('HDEL', KEYS[4], 'strikes') end
redis.call('HSET', KEYS[4], 'limit', limit)
if tonumber(ARGV[9]) >= 0 then redis.call('HSET', KEYS[4], 'left', ARGV[8], 'resets', now + ARGV[9]) end
redis.call('PEXPIRE', KEYS[4], 86400000)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[7]), holder)
redis.call('HSET', KEYS[3], holder, want)
local places = math.floor(limit)
local fair = math.max(1, math.floor(places / redis.call('ZCARD', KEYS[1])))
local taken, claimed = 0, 0
for _, other in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if other ~= holder then
    taken = taken + tonumber(redis.call('HGET', KEYS[2], other) or 0)
    claimed = claimed + math.min(fair, tonumber(redis.call('HGET', KEYS[3], other) or 0))
  end
end
local share = math.max(used, math.min(want, math.max(fair, places - claimed), places - taken))
redis.call('HSET', KEYS[2], holder, share)
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], 3600000) end
local crowded = 2 * redis.call('ZCARD', KEYS[1]) + 4 > places
return {share, math.max(0, (tonumber(state[3]) or 0) - now), state[4] or '', crowded and 1 or 0}
"""

# KEYS: state · ARGV: seconds for the first time and what each of 10 strikes makes of them, told (0/1), reason
# Requests that were under way when a pause began are refused as well: only a refusal after it is a strike.
PAUSE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local strikes = tonumber(redis.call('HGET', KEYS[1], 'strikes') or 0)
local ends = tonumber(redis.call('HGET', KEYS[1], 'until')) or 0
local told = tonumber(ARGV[3]) == 1
local seconds = tonumber(ARGV[1])
if not told then
  if now < ends then return ends - now end
  seconds = math.min(seconds * 2 ^ math.min(strikes, 10), tonumber(ARGV[2]))
  redis.call('HSET', KEYS[1], 'strikes', strikes + 1)
end
local finish = math.floor(now + seconds * 1000)
if finish > ends then redis.call('HSET', KEYS[1], 'until', finish, 'reason', ARGV[4]) end
redis.call('PEXPIRE', KEYS[1], 86400000)
return math.max(finish, ends) - now
"""

# KEYS: state · ARGV: requests left, ms until they are renewed (-1: nothing new). Gives the ms of the pause, its
# reason, the requests left (-1: not known) and the ms until their renewal.
GLANCE = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if tonumber(ARGV[2]) >= 0 then
  redis.call('HSET', KEYS[1], 'left', ARGV[1], 'resets', now + ARGV[2])
  redis.call('PEXPIRE', KEYS[1], 86400000)
end
local state = redis.call('HMGET', KEYS[1], 'until', 'reason', 'left', 'resets')
local pause, renewal = (tonumber(state[1]) or 0) - now, (tonumber(state[4]) or 0) - now
return {math.max(0, pause), state[2] or '', renewal > 0 and tonumber(state[3]) or -1, math.max(0, renewal)}
"""
