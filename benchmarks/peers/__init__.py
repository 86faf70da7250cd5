"""Other job queues, as their users run them: lean processes in an environment of their own.

`environment` makes that environment, `peer_process` starts a program in it. Each `…_peer` module is such a program; it
imports nothing of Deskjob but `webapp.os_process`, which needs the standard library only.
"""
