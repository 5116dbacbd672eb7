"""A router that forwards ports for whoever asks by UPnP, or says so; for test_upnp.

    home_router.py ADDRESS [refuse]

Answers searches (SSDP) and requests (SOAP), and prints a line for each port it is asked for:
`PROTOCOL PORT -> CLIENT:PORT for LEASE`.
"""

import http.server
import re
import socket
import struct
import sys
import threading

ADDRESS, REFUSES = sys.argv[1], "refuse" in sys.argv[2:]
HTTP_PORT = 5000
DEVICE = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"

DESCRIPTION = f"""<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><device><deviceType>{DEVICE}</deviceType>
<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType>
<serviceList><service>
<serviceType>urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1</serviceType>
<controlURL>/common</controlURL></service></serviceList>
<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType>
<serviceList><service><serviceType>{SERVICE}</serviceType><controlURL>/control</controlURL>
</service></serviceList></device></deviceList></device></deviceList></device></root>
"""
ANSWERS = {
    "GetStatusInfo": "<NewConnectionStatus>Connected</NewConnectionStatus>"
                     "<NewLastConnectionError>ERROR_NONE</NewLastConnectionError>"
                     "<NewUptime>1</NewUptime>",
    "GetExternalIPAddress": "<NewExternalIPAddress>198.18.0.1</NewExternalIPAddress>",
    "AddPortMapping": "",
}
ENVELOPE = ('<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
            "<s:Body>{}</s:Body></s:Envelope>")
REFUSAL = ("<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>"
           "<UPnPError><errorCode>606</errorCode></UPnPError></detail></s:Fault>")


class Control(http.server.BaseHTTPRequestHandler):

    def do_GET(self) -> None:
        self.answer(200, DESCRIPTION)

    def do_POST(self) -> None:
        action = self.headers["SOAPAction"].strip('"').split("#")[1]
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if action == "AddPortMapping":
            said = dict(re.findall(r"<(New\w+)>([^<]*)</", text))
            print(f"{said['NewProtocol']} {said['NewExternalPort']} -> {said['NewInternalClient']}:"
                  f"{said['NewInternalPort']} for {said['NewLeaseDuration']}", flush=True)
            if REFUSES:
                return self.answer(500, ENVELOPE.format(REFUSAL))
        body = f'<u:{action}Response xmlns:u="{SERVICE}">{ANSWERS[action]}</u:{action}Response>'
        return self.answer(200, ENVELOPE.format(body))

    def answer(self, code: int, text: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_words) -> None:
        pass


def answer_searches() -> None:
    group = struct.pack("4s4s", socket.inet_aton("239.255.255.250"), socket.inet_aton(ADDRESS))
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("", 1900))
    listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    while True:
        text, source = listening.recvfrom(2048)
        if b"M-SEARCH" in text and DEVICE.encode() in text:
            listening.sendto((f"HTTP/1.1 200 OK\r\nST: {DEVICE}\r\nUSN: uuid:1::{DEVICE}\r\n"
                              f"LOCATION: http://{ADDRESS}:{HTTP_PORT}/root.xml\r\n\r\n").encode(),
                             source)


threading.Thread(target=answer_searches, daemon=True).start()
http.server.ThreadingHTTPServer((ADDRESS, HTTP_PORT), Control).serve_forever()
