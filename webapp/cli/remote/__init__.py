"""`deskjob --server`: the commands about jobs against another installation, over its API."""
