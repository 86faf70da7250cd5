"""Process snapshots: what the process of a running job does, for operators who ask where it hangs."""
