"""HTTP/1.1 as a server speaks it (RFC 9110, RFC 9112)."""
