//! What connections report: name, certificate, answer of a server.

use super::{Explained, error};

pub(super) static NETWORK: &[Explained] = &[
    error(
        "0x80072EE2",
        "connection timed out",
        "A server did not answer in time.",
        "Check the network and the proxy of the device.",
    ),
    error(
        "0x80072EE7",
        "server name not found",
        "The name of a server can't be resolved.",
        "Check the name in the address and the DNS of the device.",
    ),
    error(
        "0x80072EFD",
        "server not reached",
        "The device can't connect to a server.",
        "Check the network, the proxy and the firewall of the device.",
    ),
    error(
        "0x80072EFE",
        "connection broken",
        "The connection to a server broke.",
        "Try again; check the network and the proxy of the device.",
    ),
    error(
        "0x80072F05",
        "server certificate expired",
        "The date of a server's certificate is wrong, or the clock of the device is.",
        "Check the clock of the device and the certificate of the server.",
    ),
    error(
        "0x80072F06",
        "wrong server name",
        "The certificate of a server is for another name.",
        "Use the name that stands in the certificate, or replace the certificate.",
    ),
    error(
        "0x80072F0C",
        "client certificate needed",
        "A server asks for a certificate of the device.",
        "Check the certificate of the device, or let the server not ask for one.",
    ),
    error(
        "0x80072F0D",
        "server certificate not trusted",
        "The device does not trust the authority of a server's certificate.",
        "Install the root certificate on the device.",
    ),
    error(
        "0x80072F8F",
        "secure connection failed",
        "A secure connection could not be made.",
        "Check the clock of the device, the certificate of the server and the versions of TLS that both allow.",
    ),
    error(
        "0x80190190",
        "server: bad request (400)",
        "A server did not understand the request of the device.",
        "Check the address.",
    ),
    error(
        "0x80190191",
        "server: sign-in needed (401)",
        "A server asks for a sign-in.",
        "Check that the address can be read without one.",
    ),
    error(
        "0x80190193",
        "server: forbidden (403)",
        "A server refuses access.",
        "Check that the address can be read by the device and has not expired.",
    ),
    error("0x80190194", "server: not found (404)", "A server has nothing at this address.", "Check the address."),
    error("0x801901F4", "server: error (500)", "A server met an error.", "Look into the log of that server."),
    error("0x801901F7", "server: unavailable (503)", "A server is overloaded or in maintenance.", "Try again later."),
];
