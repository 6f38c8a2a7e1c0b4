-- SPDX-License-Identifier: MIT
--- Contenders take turns, round after round, so that a machine that slows down slows all of them. The ratios are
--- of one round; the figure is the median of the rounds.
local M = {}

--- Calls turn(contender, round) for each contender in each round; who goes first takes turns, too.
function M.run(count, contenders, turn)
  for round = 1, count do
    for i = 1, #contenders do turn(contenders[(round + i) % #contenders + 1], round) end
  end
end

--- The ratios of two contenders, round by round.
function M.ratios(mine, theirs)
  local ratios = {}
  for round, value in ipairs(mine) do ratios[round] = value / theirs[round] end
  return ratios
end

--- The value below which this share of a list lies.
function M.quantile(list, share)
  local sorted = {}
  for i, value in ipairs(list) do sorted[i] = value end
  table.sort(sorted)
  return sorted[math.max(1, math.ceil(#sorted * share))]
end

---@return number median
---@return number least
---@return number most
function M.spread(list)
  return M.quantile(list, 0.5), M.quantile(list, 0), M.quantile(list, 1)
end

return M
