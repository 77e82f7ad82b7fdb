-- wrk -s different.lua URL: no two requests have the same head.
local number = 0
local rest = ""

function init(args)
   for name, value in pairs(wrk.headers) do
      rest = rest .. "\r\n" .. name .. ": " .. value
   end
   rest = rest .. "\r\nX-Request-ID: "
end

function request()
   number = number + 1
   return "GET /items/" .. number .. "?page=" .. number .. " HTTP/1.1" .. rest .. number .. "\r\n\r\n"
end
