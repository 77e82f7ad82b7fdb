-- wrk -s post.lua URL -- SIZE: posts SIZE bytes.
function init(args)
   wrk.method = "POST"
   wrk.body = string.rep("x", tonumber(args[1]))
   wrk.headers["Content-Type"] = "application/octet-stream"
end
