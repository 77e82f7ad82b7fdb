-- wrk -s paths.lua URL: the same headers, but never the same target.
local number = 0
local rest = ""

function init(args)
   for name, value in pairs(wrk.headers) do
      rest = rest .. "\r\n" .. name .. ": " .. value
   end
   rest = " HTTP/1.1" .. rest .. "\r\n\r\n"
end

function request()
   number = number + 1
   return "GET /items/" .. number .. "?page=" .. number .. rest
end
