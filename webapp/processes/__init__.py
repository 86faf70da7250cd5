"""The processes of Deskjob: web server, worker pool, clock, embedded Valkey, and `up`, which starts them all."""
