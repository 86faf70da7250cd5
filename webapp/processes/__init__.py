"""What runs: the web server, the pool of workers, the clock, the embedded Valkey, and `up`, which starts all."""
