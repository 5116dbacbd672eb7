## The networks that the init script starts, one a line: NETNAME [arguments for tincd]
## systemd does not read this file: there, systemctl enable tinc@NETNAME
