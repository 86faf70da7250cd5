"""An installation on several hosts: network namespaces, each with an address, joined by a switch."""
