"""What benchmarks/serve.py is made of: servers, scenes, the applications served, and the clients."""
